"""The gallery file: looked at before it is opened, created whole, its failures in words."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from holotype.errors import GalleryError
from holotype.gallery import audit
from holotype.gallery.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    Binding,
    bind,
    one,
    read_binding,
    schema_version,
    transaction,
    upgrade,
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
        connection.create_function("crc32", 1, _crc32, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _crc32(value: object) -> int | None:
    return zlib.crc32(value) if isinstance(value, bytes) else None  # NULL: `check` names the row


def connect_existing(path: Path, busy_timeout_s: float) -> tuple[sqlite3.Connection, bool]:
    """Open a gallery file, of this schema or an older one; and whether it is frozen.

    An older one is brought to this schema by the first change (`modernize`), never by reading.
    """
    inspect(path)
    frozen = is_frozen(path)
    mode = "mode=ro&immutable=1" if frozen else "mode=rw"
    connection = connect(path, busy_timeout_s, mode=mode)
    try:
        version = schema_version(connection)  # again: the newest header may be in the log
        if version > SCHEMA_VERSION:
            raise _newer(path, version)
    except BaseException:
        connection.close()
        raise
    return connection, frozen


def modernize(connection: sqlite3.Connection, actor: str | None) -> None:
    """Bring an older gallery to the present schema, inside the caller's transaction."""
    found = schema_version(connection)
    if found == SCHEMA_VERSION:
        return
    upgrade(connection)
    _give_key(connection)
    audit.append(
        connection,
        "migrate",
        actor,
        from_schema=found,
        schema=SCHEMA_VERSION,
        identities=one(connection, "SELECT COUNT(*) FROM identities"),
        examples=one(connection, "SELECT COUNT(*) FROM examples"),
        model=read_binding(connection).model_id,
        gallery=secrets.token_hex(16),
    )


def _give_key(connection: sqlite3.Connection) -> None:
    """The secret that decisions are signed with: never shown, never changed."""
    connection.execute("UPDATE meta SET signing_key = ?", (secrets.token_bytes(32),))


def create_file(path: Path, binding: Binding, *, keep_pictures: bool, actor: str | None) -> None:
    """Make an empty gallery, whole or not at all.

    Of two processes that create it at once one wins, and both go on with the winner's file.
    """
    with draft_for(path) as draft:
        connection = connect(draft, 0.0, mode="mode=rwc")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            with transaction(connection, "IMMEDIATE"):
                upgrade(connection)
                bind(connection, binding)
                _give_key(connection)
                connection.execute("UPDATE meta SET keep_pictures = ?", (keep_pictures,))
                audit.append(
                    connection,
                    "create",
                    actor,
                    schema=SCHEMA_VERSION,
                    model=binding.model_id,
                    keep_pictures=keep_pictures,
                    gallery=secrets.token_hex(16),
                )
        finally:
            connection.close()  # the last to close moves the log into the file, with fsync
        with suppress(FileExistsError):
            publish(draft, path)


@contextmanager
def draft_for(path: Path) -> Iterator[Path]:
    """A name beside `path` for a file in the making; whatever has it in the end is deleted."""
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
        yield draft
    finally:
        for suffix in ("", *_SIDE_FILES):
            with suppress(OSError):
                Path(f"{draft}{suffix}").unlink()


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
