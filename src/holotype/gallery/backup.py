"""A copy of a gallery that others are using, and a gallery from a copy."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from holotype.errors import GalleryError
from holotype.gallery import audit, index, opened
from holotype.gallery.check import check
from holotype.gallery.connection import transaction
from holotype.gallery.creation import modernize
from holotype.gallery.file import (
    connect,
    connect_existing,
    draft_for,
    failures,
    inspect,
    publish,
    real_path,
    require_own_log,
)
from holotype.gallery.opened import Connection
from holotype.gallery.schema import SCHEMA_VERSION, schema_version

_PATIENCE_S = 5.0
_LOOK_S = 0.02


def copy(source: Path, target: Path, busy_timeout_s: float) -> None:
    """Write what is alive in `source` at one moment to a new file, whole or not at all.

    VACUUM INTO and not the page by page backup of SQLite, which would carry the bytes along that
    an erasure still has to remove.
    """
    require_free(target)
    with draft_for(target) as draft:
        connection, _ = connect_existing(source, busy_timeout_s)
        with closing(connection):
            _write(connection, draft)
        _publish(draft, target)


def restore(
    backup: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    replace: bool = False,
    actor: str | None = None,
) -> None:
    """Make a gallery at `target` from a backup, after checking all of it.

    Whoever was forgotten after the backup was made is in it again. Copying the file does the same
    without the check and the line in the audit trail.

    Args:
        backup: the file.
        target: a path where there is no file; or, to `replace` it, a gallery. Then its content
            becomes that of the backup in one change, also for whoever has it open, and the line
            in the audit trail says where the former trail ended.
        replace: see `target`.
        actor: who.

    Raises:
        GalleryError: `target` exists, or is no gallery; or the backup is none, or is damaged.
    """
    source, place = real_path(backup), real_path(target)
    if replace and place.exists() and place.samefile(source):
        raise GalleryError(f"{str(source)!r} is the gallery itself", "Name a backup of it")
    with failures(source):
        connection = _only_read(source)
    with closing(connection):
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
            former = _former(place) if replace else {}
            if not replace:
                require_free(place)
            with draft_for(place) as draft:
                _write(connection, draft)
                _note(draft, actor, former)
                if replace:
                    _fill(draft, place)
                else:
                    _publish(draft, place)


def _only_read(source: Path) -> Connection:
    key = inspect(source)
    try:
        require_own_log(source, key, 0.0)
        # Without a log nobody is changing it: then nothing appears beside it.
        logs = (Path(f"{source}-wal"), Path(f"{source}-journal"))
        unused = not any(log.exists() for log in logs)
        connection = connect(source, 0.0, mode="mode=ro&immutable=1" if unused else "mode=rw")
    except BaseException:
        opened.release(key)
        raise
    connection.file = key
    return connection


def _former(place: Path) -> dict[str, Any]:
    """Where the trail of a gallery ends that is about to be replaced."""
    connection, _ = connect_existing(place, _PATIENCE_S)
    with closing(connection):
        if schema_version(connection) < 2:
            return {}
        count, head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
        return {"replaced_lines": count, "replaced_head": head}


def _fill(draft: Path, place: Path) -> None:
    """Write all pages of a draft over those of a gallery, in one transaction."""
    until = time.monotonic() + _PATIENCE_S

    def patience(status: int, *_: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > until:
            raise GalleryError(
                f"the gallery {str(place)!r} is locked: another process kept it for longer than "
                "this one waits",
                "Try again when the other has finished",
            )

    written, (kept, _) = connect(draft, 0.0), connect_existing(place, _PATIENCE_S)
    with closing(written), closing(kept):
        written.backup(kept, progress=patience, sleep=_LOOK_S)


def require_free(target: Path) -> None:
    """Refuse to write over a file."""
    if target.exists():
        raise GalleryError(
            f"{str(target)!r} exists; a copy of a gallery never overwrites a file",
            "Name a path where there is no file",
        )


def _write(connection: sqlite3.Connection, draft: Path) -> None:
    connection.execute("VACUUM INTO ?", (str(draft),))


def _publish(draft: Path, target: Path) -> None:
    opened.distinguish(draft)  # with fsync, which VACUUM INTO does not
    try:
        publish(draft, target)
    except FileExistsError:
        require_free(target)
        raise


def _note(draft: Path, actor: str | None, facts: dict[str, Any]) -> None:
    with closing(connect(draft, 0.0)) as written, transaction(written, "IMMEDIATE"):
        modernize(written, actor)
        audit.append(written, "restore", actor, **facts)
        index.void(written)
