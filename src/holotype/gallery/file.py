"""The gallery file: looked at before it is opened, created whole, its failures in words."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from holotype.errors import GalleryError
from holotype.gallery.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    Binding,
    bind,
    migrate,
    schema_version,
)

_MAGIC = b"SQLite format 3\x00"
_SIDE_FILES = ("-wal", "-shm", "-journal")


def real_path(path: str | os.PathLike[str]) -> Path:
    """Absolute, links followed: SQLite keeps its side files beside the real file."""
    try:
        return Path(os.path.realpath(path))
    except ValueError as error:  # a NUL character
        raise GalleryError(f"{os.fspath(path)!r} is not a file name", "Name a file") from error


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a GalleryError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(path, error) from error
    except OSError as error:
        raise GalleryError(
            f"the gallery {str(path)!r} cannot be used: {error.strerror or error}",
            "Check the path and its permissions",
        ) from error


def _explained(path: Path, error: sqlite3.Error) -> GalleryError:
    name = f"the gallery {str(path)!r}"
    # Extended codes keep the kind in the low byte. No code: Python's own complaint about a value.
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return _not_a_gallery(path, "is not an SQLite file")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return GalleryError(
                f"{name} is locked: another process kept it for longer than this one waits",
                "Try again when the other has finished",
            )
        case sqlite3.SQLITE_FULL:
            return GalleryError(
                f"{name} cannot grow: the disk is full", "Free some space and try again"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return GalleryError(
                f"{name} is read-only and this would change it",
                "Make the file and its folder writable, or work on a copy",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return GalleryError(
                f"{name} or a file beside it cannot be opened",
                "Check the permissions of the file and its folder",
            )
        case sqlite3.SQLITE_IOERR:
            return GalleryError(
                f"{name} cannot be read or written: {error}",
                "Check the disk, its free space and the limit on file sizes",
            )
        case sqlite3.SQLITE_NOMEM | sqlite3.SQLITE_TOOBIG:
            return GalleryError(f"{name} needs more memory than there is", "Free some memory")
        case _:
            return GalleryError(f"{name} is damaged: {error}", "Restore it from a backup")


def _not_a_gallery(path: Path, what: str) -> GalleryError:
    return GalleryError(f"{str(path)!r} {what}", "Name a gallery, or a path where none is yet")


def _newer(path: Path, version: int) -> GalleryError:
    return GalleryError(
        f"the gallery {str(path)!r} has schema version {version}; "
        f"this holotype knows up to {SCHEMA_VERSION}",
        "Upgrade holotype",
    )


def inspect(path: Path) -> None:
    """Refuse what is not a gallery by its header alone: SQLite never touches a foreign file."""
    if path.is_dir():
        raise _not_a_gallery(path, "is a folder, not a gallery")
    if not path.exists():
        raise GalleryError(f"there is no gallery at {str(path)!r}", "enroll creates one")
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait forever
        raise _not_a_gallery(path, "is not a regular file")
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise _not_a_gallery(path, "is not an SQLite file" if header else "is an empty file")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise _not_a_gallery(path, "is an SQLite file of another kind, not a gallery")
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA_VERSION:
        raise _newer(path, version)


def is_frozen(path: Path) -> bool:
    """Whether this process can only read the file, and nobody else has it open for writing.

    SQLite must then be told that there is nothing to lock: it could not make the side files,
    or would leave side files that the owner of the gallery cannot write.
    """
    if Path(f"{path}-wal").exists():
        return False
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def connect(path: Path, busy_timeout_s: float, *, mode: str = "mode=rw") -> sqlite3.Connection:
    """A connection that commits durably and overwrites what it deletes.

    The transactions are explicit, and the caller keeps threads from using it at the same time.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?{mode}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_existing(path: Path, busy_timeout_s: float) -> tuple[sqlite3.Connection, bool]:
    """Open a gallery file, at the present schema; and whether it is frozen (see `is_frozen`)."""
    inspect(path)
    frozen = is_frozen(path)
    mode = "mode=ro&immutable=1" if frozen else "mode=rw"
    connection = connect(path, busy_timeout_s, mode=mode)
    try:
        version = schema_version(connection)  # again: the newest header may be in the log
        if version > SCHEMA_VERSION:
            raise _newer(path, version)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection, frozen


def create_file(path: Path, binding: Binding) -> None:
    """Make an empty gallery, whole or not at all.

    It is built under another name and then linked to its own, so a failure leaves nothing, and
    of two processes that create it at once one wins and both go on with the winner's file.
    """
    if not path.parent.is_dir():
        raise GalleryError(
            f"the gallery {str(path)!r} needs a folder to lie in; there is none",
            f"Create the folder {str(path.parent)!r}",
        )
    # SQLite would replay a log that a deleted gallery left behind into the new one.
    for log in (Path(f"{path}-wal"), Path(f"{path}-journal")):
        if log.exists() and not path.exists():
            raise GalleryError(
                f"{str(log)!r} belongs to a gallery that is no longer there",
                "Put the gallery back, or delete that file",
            )
    draft = path.with_name(f".holotype-{secrets.token_hex(8)}.new")
    try:
        connection = connect(draft, 0.0, mode="mode=rwc")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection)
            bind(connection, binding)
        finally:
            connection.close()  # the last to close moves the log into the file, with fsync
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:  # a file system without links: there, only the race is not settled
            if not path.exists():
                draft.rename(path)
        _sync_folder(path.parent)
    finally:
        for suffix in ("", *_SIDE_FILES):
            with suppress(OSError):
                Path(f"{draft}{suffix}").unlink()


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
