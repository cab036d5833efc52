"""Where the enrolled live: the protocol, and SQLite behind it."""

from holotype.gallery.audit import Actor
from holotype.gallery.backup import restore
from holotype.gallery.labels import check_label
from holotype.gallery.protocol import Added, Addition, Gallery
from holotype.gallery.records import (
    AuditEntry,
    AuditFinding,
    AuditReport,
    Correction,
    Erasure,
    ExampleRecord,
    Feedback,
    FeedbackSummary,
    GalleryCheck,
    IdentityRecord,
    Reembedding,
    StrangerBatch,
    Undo,
)
from holotype.gallery.snapshot import Over, Snapshot, Strangers
from holotype.gallery.sqlite import SqliteGallery, gallery_model

__all__ = [
    "Actor",
    "Added",
    "Addition",
    "AuditEntry",
    "AuditFinding",
    "AuditReport",
    "Correction",
    "Erasure",
    "ExampleRecord",
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
    "Undo",
    "check_label",
    "gallery_model",
    "restore",
]
