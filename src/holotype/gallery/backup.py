"""A copy of a gallery that others are using, and a gallery from a copy."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from holotype.errors import GalleryError
from holotype.gallery import audit
from holotype.gallery.check import check
from holotype.gallery.file import (
    connect,
    connect_existing,
    draft_for,
    failures,
    inspect,
    modernize,
    publish,
    real_path,
)
from holotype.gallery.schema import SCHEMA_VERSION, schema_version, transaction


def copy(source: Path, target: Path, busy_timeout_s: float) -> None:
    """Write what is alive in `source` at one moment to a new file, whole or not at all.

    VACUUM INTO and not the page by page backup of SQLite, which would carry the bytes along that
    an erasure still has to remove.
    """
    require_free(target)
    with draft_for(target) as draft:
        connection, _ = connect_existing(source, busy_timeout_s)
        try:
            _write(connection, draft)
        finally:
            connection.close()
        _publish(draft, target, source)


def restore(
    backup: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    actor: str | None = None,
) -> None:
    """Make a gallery at `target` from a backup, after checking all of it.

    Whoever was forgotten after the backup was made is in it again. Copying the file does the same
    without the check and the line in the audit trail.

    Raises:
        GalleryError: `target` exists, or the backup is no gallery or is damaged.
    """
    source, place = real_path(backup), real_path(target)
    with failures(source):
        inspect(source)
        # Without a log nobody has it open: then it is only read, and nothing appears beside it.
        unused = not Path(f"{source}-wal").exists()
        mode = "mode=ro&immutable=1" if unused else "mode=rw"
        connection = connect(source, 0.0, mode=mode)
    try:
        with failures(source):
            if schema_version(connection) > SCHEMA_VERSION:
                raise GalleryError(f"{str(source)!r} has a newer schema", "Upgrade holotype")
            with transaction(connection, "DEFERRED"):
                found = check(connection)
            if not found.sound:
                first = (*found.problems, *(problem.text for problem in found.audit.problems))[0]
                raise GalleryError(
                    f"the backup {str(source)!r} is damaged: {first}", "Take another backup"
                )
        with failures(place):
            require_free(place)
            with draft_for(place) as draft:
                _write(connection, draft)
                _note(draft, actor)
                _publish(draft, place, source)
    finally:
        connection.close()


def require_free(target: Path) -> None:
    """Refuse to write over a file."""
    if target.exists():
        raise GalleryError(
            f"{str(target)!r} exists; a copy of a gallery never overwrites a file",
            "Name a path where there is no file",
        )


def _write(connection: sqlite3.Connection, draft: Path) -> None:
    # Made beforehand, so that the copy is at no time readable for more people than the original.
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute("VACUUM INTO ?", (str(draft),))
    written = connect(draft, 0.0)
    try:
        written.execute("PRAGMA journal_mode = WAL")  # noted in the file; VACUUM INTO drops it
    finally:
        written.close()
    with draft.open("rb") as file:  # VACUUM INTO does not
        os.fsync(file.fileno())


def _publish(draft: Path, target: Path, source: Path) -> None:
    draft.chmod(source.stat().st_mode & 0o777)
    try:
        publish(draft, target)
    except FileExistsError:
        require_free(target)
        raise


def _note(draft: Path, actor: str | None) -> None:
    written = connect(draft, 0.0)
    try:
        with transaction(written, "IMMEDIATE"):
            modernize(written, actor)
            audit.append(written, "restore", actor)
    finally:
        written.close()
