"""The gallery file: looked at before it is opened, created whole, its failures in words."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from holotype.errors import GalleryError
from holotype.gallery import opened
from holotype.gallery.connection import Connection as RowConnection
from holotype.gallery.connection import DamagedError, transaction
from holotype.gallery.creation import create, newer
from holotype.gallery.opened import Connection, Key
from holotype.gallery.schema import APPLICATION_ID, SCHEMA_VERSION, Binding, schema_version

if sys.platform != "win32":
    import fcntl

_MAGIC = b"SQLite format 3\x00"
_DRAFT = ".holotype-"
_LOOK_S = 0.02  # between two looks at a log that may go
_TRIES = 10


def real_path(path: str | os.PathLike[str]) -> Path:
    """Absolute, links followed: SQLite keeps its side files beside the real file."""
    try:
        found = Path(os.path.realpath(path))
    except ValueError as error:  # a NUL character
        raise GalleryError(f"{os.fspath(path)!r} is not a file name", "Name a file") from error
    if os.path.islink(found):
        raise GalleryError(f"{os.fspath(path)!r} is a link that leads to itself", "Name a file")
    return found


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a GalleryError."""
    try:
        yield
    except (sqlite3.Error, DamagedError) as error:
        raise _explained(path, error) from error
    except OSError as error:
        raise GalleryError(
            f"the gallery {str(path)!r} cannot be used: {error.strerror or error}",
            "Check the path and its permissions",
        ) from error


def is_damage(error: Exception) -> bool:
    """Whether what was read is not what a gallery holds."""
    return _kind_of(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _kind_of(error: Exception) -> int:
    # Extended codes keep the kind in the low byte. No code: Python's own complaint about a value.
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & 0xFF


def _explained(path: Path, error: Exception) -> GalleryError:
    name = f"the gallery {str(path)!r}"
    match _kind_of(error):
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


def inspect(path: Path) -> Key:
    """Refuse what is not a gallery by its header alone: SQLite never touches a foreign file.

    Returns:
        The key of the file, which is held (`opened.hold`).
    """
    if path.is_dir():
        raise _not_a_gallery(path, "is a folder, not a gallery")
    if not path.exists():
        raise GalleryError(f"there is no gallery at {str(path)!r}", "enroll creates one")
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait forever
        raise _not_a_gallery(path, "is not a regular file")
    key = opened.hold(path)
    try:
        header = opened.header_of(key)
        if len(header) < opened.HEADER_BYTES or not header.startswith(_MAGIC):
            raise _not_a_gallery(path, "is not an SQLite file" if header else "is an empty file")
        if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
            raise _not_a_gallery(path, "is an SQLite file of another kind, not a gallery")
        version = int.from_bytes(header[60:64], "big")
        if version > SCHEMA_VERSION:
            raise newer(str(path), version)
    except BaseException:
        opened.release(key)
        raise
    return key


def require_own_log(path: Path, key: Key, busy_timeout_s: float) -> None:
    """Refuse a log that SQLite would apply to a file that it does not belong to.

    A process that had opened the file which lay here before may just be ending a change of that.
    """
    until = time.monotonic() + busy_timeout_s
    while (log := opened.stray_log(path, opened.header_of(key))) is not None:
        if time.monotonic() >= until:
            raise GalleryError(
                f"{str(log)!r} was left behind by another file that lay here, or by another state "
                f"of this one; with it the gallery {str(path)!r} would be damaged",
                "Delete that log, or put the file that it belongs to back beside it",
            )
        time.sleep(_LOOK_S)


def may_write(path: Path) -> bool:
    """Whether this process can change the file, and keep its log beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def connect(path: Path, busy_timeout_s: float, *, mode: str = "mode=rw") -> Connection:
    """A connection that commits durably and overwrites what it deletes.

    The transactions are explicit, and the caller keeps threads from using it at the same time.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?{mode}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    try:
        # EXTRA: the folder, too, has lost the journal for good when a commit returns.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("crc32", 1, _crc32, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _crc32(value: object) -> int | None:
    return zlib.crc32(value) if isinstance(value, bytes) else None  # NULL: `check` names the row


def connect_existing(path: Path, busy_timeout_s: float) -> tuple[Connection, bool]:
    """Open a gallery file, of this schema or an older one; and whether it is frozen.

    An older schema is brought to this one by the first change (`modernize`), never by reading.
    What keeps a write-ahead log, as galleries of older versions do, is brought to a rollback
    journal at once: then all that was acknowledged is in the one file. Where this process may not
    write, such a file is frozen: SQLite is told that there is nothing to lock.
    """
    for _ in range(_TRIES):
        key = inspect(path)
        try:
            connection, frozen = _connected(path, key, busy_timeout_s)
        except BaseException:
            opened.release(key)
            raise
        connection.file = key
        try:
            if opened.key_of(path.stat()) != key:  # replaced between the two openings
                connection.close()
                continue
            version = schema_version(connection)
            if version > SCHEMA_VERSION:
                raise newer(str(path), version)
            if opened.is_write_ahead(opened.header_of(key)) and may_write(path):
                connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection, frozen
    raise GalleryError(
        f"the gallery {str(path)!r} is replaced again and again", "Try again when that has ended"
    )


def _connected(path: Path, key: Key, busy_timeout_s: float) -> tuple[Connection, bool]:
    require_own_log(path, key, busy_timeout_s)
    mode, frozen = "mode=rw", False
    if not may_write(path):
        write_ahead = opened.is_write_ahead(opened.header_of(key))
        in_use = Path(f"{path}-wal").exists()
        frozen = write_ahead and not in_use
        if frozen:
            mode = "mode=ro&immutable=1"
        elif not write_ahead:
            mode = "mode=ro"
    return connect(path, busy_timeout_s, mode=mode), frozen


def create_file(
    path: Path,
    binding: Binding,
    *,
    keep_pictures: bool,
    actor: str | None,
    fill: Callable[[RowConnection], None] | None = None,
) -> None:
    """Make a gallery, whole or not at all: an empty one, or with what `fill` puts in.

    Of two processes that create it at once one wins, and both go on with the winner's file; who
    has something to put in is refused instead.
    """
    with draft_for(path) as draft:
        with closing(connect(draft, 0.0)) as rows, transaction(rows, "IMMEDIATE"):
            create(rows, binding, keep_pictures, actor, fill)
        opened.distinguish(draft)
        with suppress(*(() if fill else (FileExistsError,))):
            publish(draft, path)


@contextmanager
def draft_for(path: Path) -> Iterator[Path]:
    """An empty file, in a folder beside `path`, to be filled and published; the rest is deleted."""
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
    sweep(path.parent)
    room, lock = _room_beside(path)
    draft = room / "gallery"
    try:
        # Made beforehand, for its owner alone: SQLite gives its journals the same rights.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield draft
    finally:
        shutil.rmtree(room, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _room_beside(path: Path) -> tuple[Path, int | None]:
    """A new folder for a draft, and its lock."""
    while True:
        room = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}.new")
        room.mkdir(0o700)
        try:
            lock = _locked(room, wait=True)
        except FileNotFoundError:
            continue
        if lock is None or os.fstat(lock).st_nlink:
            return room, lock
        os.close(lock)  # before it was locked, another process swept it away


def _locked(room: Path, *, wait: bool = False) -> int | None:
    """The folder of a draft, locked as long as its maker lives; None where that cannot be had."""
    if sys.platform == "win32":
        return None
    handle = os.open(room, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle


def sweep(folder: Path) -> None:
    """Delete the drafts of processes that were killed: they may hold what is forgotten since."""
    with suppress(OSError):
        for room in [entry for entry in folder.iterdir() if entry.name.startswith(_DRAFT)]:
            with suppress(OSError):
                handle = _locked(room) if room.is_dir() else None
                if handle is not None:
                    shutil.rmtree(room, ignore_errors=True)
                    os.close(handle)


def publish(draft: Path, path: Path) -> None:
    """Give a finished draft its name, at once and never over another file.

    Raises:
        FileExistsError: there is a file of that name.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: there, only the race is not settled
        if path.exists():
            raise FileExistsError(str(path)) from None
        draft.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
