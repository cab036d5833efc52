"""Where the enrolled live: the protocol, and SQLite or PostgreSQL behind it."""

from holotype.gallery.audit import Actor
from holotype.gallery.copying import copy
from holotype.gallery.labels import check_label
from holotype.gallery.place import (
    called,
    events_of,
    existing,
    exists,
    file_beside,
    gallery_model,
    inbox_of,
    is_url,
    jobs_of,
    name_of,
    open_gallery,
    restore,
    take_in,
)
from holotype.gallery.records import (
    Added,
    Addition,
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
from holotype.gallery.rows import Gallery
from holotype.gallery.snapshot import Over, Snapshot, Strangers
from holotype.gallery.sqlite import SqliteGallery

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
    "called",
    "check_label",
    "copy",
    "events_of",
    "existing",
    "exists",
    "file_beside",
    "gallery_model",
    "inbox_of",
    "is_url",
    "jobs_of",
    "name_of",
    "open_gallery",
    "restore",
    "take_in",
]
