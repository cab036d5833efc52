"""Somebody who reads a gallery just when it is in the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from holotype.gallery import SqliteGallery


def read_before_erasing(gallery: SqliteGallery, path: Path) -> sqlite3.Connection:
    """Another connection, which begins to read once a removal is committed and not yet erased."""
    reader, erase = sqlite3.connect(path, isolation_level=None), gallery._erase

    def late(connection: sqlite3.Connection) -> None:
        if not reader.in_transaction:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM identities").fetchone()
        erase(connection)

    gallery._erase = late  # type: ignore[method-assign]
    return reader
