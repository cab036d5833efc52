"""Where the enrolled live: the protocol, and SQLite behind it."""

from holotype.gallery.backup import restore
from holotype.gallery.labels import check_label
from holotype.gallery.protocol import Added, Addition, Gallery, Over, Snapshot, Strangers
from holotype.gallery.records import (
    AuditEntry,
    AuditFinding,
    AuditReport,
    Erasure,
    Feedback,
    FeedbackSummary,
    GalleryCheck,
    IdentityRecord,
    Reembedding,
    StrangerBatch,
)
from holotype.gallery.sqlite import SqliteGallery, gallery_model

__all__ = [
    "Added",
    "Addition",
    "AuditEntry",
    "AuditFinding",
    "AuditReport",
    "Erasure",
    "Feedback",
    "FeedbackSummary",
    "Gallery",
    "GalleryCheck",
    "IdentityRecord",
    "Over",
    "Reembedding",
    "Snapshot",
    "SqliteGallery",
    "StrangerBatch",
    "Strangers",
    "check_label",
    "gallery_model",
    "restore",
]
