"""Where the enrolled live: the protocol, and SQLite behind it."""

from holotype.gallery.labels import check_label
from holotype.gallery.protocol import Gallery, Snapshot
from holotype.gallery.sqlite import SqliteGallery, gallery_model

__all__ = ["Gallery", "Snapshot", "SqliteGallery", "check_label", "gallery_model"]
