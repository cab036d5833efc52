"""Which file a connection has open, and whether a log beside it is its own.

SQLite ties a log to a name, and a connection to a file. People move, copy and restore files, so
both are compared before anything is read or written: the file with the one at the name, and the
log with the state of the file that it was begun at.

The header is read through one descriptor for each file, however many connections there are:
closing any descriptor of a file takes away all locks that the process holds on it (POSIX), and
SQLite would not know.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Literal

from holotype.forking import Lock, abandon
from holotype.gallery.schema import APPLICATION_ID, one

HEADER_BYTES = 100
_LOOK_S = 0.001  # between two tries to get the write lock
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_NUMBER = 4  # bytes; all numbers in SQLite's files are big-endian
# Where they stand in the header: https://www.sqlite.org/fileformat2.html, 1.3
_WRITE_VERSION, _WAL = 18, b"\x02"
_CHANGES, _PAGES, _COOKIE, _VALID_FOR = 24, 28, 40, 92

Key = tuple[int, int]


@dataclass(slots=True)
class _Header:
    descriptor: int
    users: int


_headers: dict[Key, _Header] = {}
_lock = Lock()


def key_of(status: os.stat_result) -> Key:
    """What tells one file from another on this machine."""
    return status.st_dev, status.st_ino


class Connection(sqlite3.Connection):
    """A connection that knows which file it has open; see `gallery.connection`."""

    errors: ClassVar[type[Exception]] = sqlite3.Error
    file: Key | None = None
    other_forms: dict[str, list[int]] | None = None  # see `enrolled`; None: not looked for yet

    def begin(
        self, kind: Literal["DEFERRED", "IMMEDIATE"], ready: Callable[[], None] | None = None, /
    ) -> None:
        """Take a lock, looking often: SQLite itself looks ever more rarely, and would never get its
        turn where others write without a pause.
        """
        wait_s = one(self, "PRAGMA busy_timeout") / 1000
        until = time.monotonic() + wait_s
        self.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                if ready is not None:
                    ready()
                try:
                    self.execute(f"BEGIN {kind}")
                    self.execute("SELECT 1 FROM sqlite_master").fetchone()  # locks for reading
                    return
                except sqlite3.DatabaseError as error:
                    with suppress(sqlite3.Error):
                        self.rollback()
                    busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() > until:
                        raise
                time.sleep(_LOOK_S)
        finally:
            self.execute(f"PRAGMA busy_timeout = {int(1000 * wait_s)}")

    def schema_version(self) -> int:
        """The version of the file's tables."""
        return one(self, "PRAGMA user_version")

    def set_schema_version(self, version: int) -> None:
        """Note it, and that the file is a gallery."""
        self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self.execute(f"PRAGMA user_version = {version}")

    def state(self) -> int:
        """What another connection's changes move."""
        return one(self, "PRAGMA data_version")

    def columns(self, table: str) -> list[str]:
        """The names of its columns, in their order."""
        return [str(row[1]) for row in self.execute(f"PRAGMA table_info({table})")]

    def counter(self, table: str) -> int:
        """The last number that a row of the table was given."""
        return one(self, "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = ?", table)

    def set_counter(self, table: str, last: int) -> None:
        """Let the next row have a greater number."""
        # A table whose numbers may be used again has none, nor one that never had a row.
        self.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (last, table))

    def watch_examples(self) -> None:
        """Let triggers note whose examples change."""
        for name, event, rows in (
            ("in", "INSERT", ("NEW",)),
            ("out", "DELETE", ("OLD",)),
            ("over", "UPDATE OF identity, vector, description", ("OLD", "NEW")),
        ):
            noted = " ".join(
                f"INSERT INTO indexed (identity) VALUES ({row}.identity);" for row in rows
            )
            self.execute(
                f"CREATE TRIGGER indexed_{name} AFTER {event} ON examples BEGIN {noted} END"
            )

    def damage(self, most: int) -> Iterator[str]:
        """What SQLite finds wrong with its pages and its references."""
        for (message,) in self.execute(f"PRAGMA integrity_check({most})"):
            if message != "ok":
                yield f"SQLite: {message}"
        for table, row, parent, _ in self.execute("PRAGMA foreign_key_check"):
            yield f"row {row} of {table} points to nothing in {parent}"

    def erase(self, wait: bool) -> None:
        """Rewrite the file from what is alive.

        The whole file, because when SQLite balances its pages it leaves copies of rows in the
        gaps, which `secure_delete` does not reach once the row itself is deleted.
        """
        wait_ms = one(self, "PRAGMA busy_timeout")
        try:
            if not wait:
                self.execute("PRAGMA busy_timeout = 0")
            self.execute("VACUUM")
        finally:
            self.execute(f"PRAGMA busy_timeout = {wait_ms}")

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        if self.file is not None:
            release(self.file)
            self.file = None

    def leave(self) -> None:
        """Do nothing with it any more: it is the parent's, and this process a child of that."""
        abandon(self)


def hold(path: Path) -> Key:
    """Open the file at `path` for its header; a `Connection` with this key lets go of it."""
    with _lock:
        key = key_of(path.stat())
        if key not in _headers:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            key = key_of(os.fstat(descriptor))
            if key in _headers:  # replaced in between by one that is open
                os.close(descriptor)
            else:
                _headers[key] = _Header(descriptor, 0)
        _headers[key].users += 1
        return key


def hold_on(key: Key) -> None:
    """Hold a file that is held once more: no other gets its number before all have let go of it."""
    with _lock:
        _headers[key].users += 1


def release(key: Key) -> None:
    """Undo `hold`, or `hold_on`."""
    with _lock:
        header = _headers[key]
        header.users -= 1
        if not header.users:
            os.close(header.descriptor)
            del _headers[key]


def header_of(key: Key) -> bytes:
    """The first bytes of a file that is held."""
    with _lock:
        descriptor = _headers[key].descriptor
        if hasattr(os, "pread"):  # without a position, which a child made by fork would share
            return os.pread(descriptor, HEADER_BYTES, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, HEADER_BYTES)


def status_of(key: Key) -> os.stat_result:
    """The status of a file that is held, whatever lies at its name by now."""
    with _lock:
        return os.fstat(_headers[key].descriptor)


def is_write_ahead(header: bytes) -> bool:
    """Whether a file keeps a write-ahead log, as galleries of older versions do."""
    return header[_WRITE_VERSION : _WRITE_VERSION + 1] == _WAL  # it may be cut off: being written


def changes(header: bytes) -> int:
    """SQLite's count of the changes that the file has seen."""
    return _number(header, _CHANGES)


def stray_log(path: Path, header: bytes) -> Path | None:
    """A log beside `path` that SQLite would apply, though it belongs to another file or state."""
    name = os.fspath(path)
    if not is_write_ahead(header) and _size(f"{name}-wal"):
        return Path(f"{name}-wal")
    if not _size(f"{name}-journal"):
        return None
    journal = Path(f"{name}-journal")
    begun = _journal_began(journal)
    if begun is None:
        return None
    changes, pages = begun
    if changes is None:
        own = pages == _number(header, _PAGES)
    else:
        own = (_number(header, _CHANGES) - changes) % 2**32 in (0, 1)
    return None if own else journal


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _journal_began(journal: Path) -> tuple[int | None, int] | None:
    """The state that a rollback journal was begun at; None: nothing in it would be applied.

    A journal holds the former content of each page that is changed, and every change changes the
    first (https://www.sqlite.org/fileformat2.html, 3).

    Returns:
        The number of changes that the file had seen, None where its first page is not in the
        journal yet, and then the file is not changed yet either; and its number of pages.
    """
    try:
        with journal.open("rb") as file:
            start = file.read(28)
            # Zeros stand for the magic until the pages before the change are safe on the disk, and
            # then, in a moment, it would be applied.
            begun = start.startswith(_JOURNAL_MAGIC) or not any(start[: len(_JOURNAL_MAGIC)])
            if len(start) < 28 or not begun:
                return None
            pages, sector, page = (_number(start, at) for at in (16, 20, 24))
            at = sector
            while len(record := _read(file, at)) == _NUMBER + HEADER_BYTES:
                if _number(record, 0) == 1:
                    return _number(record, _NUMBER + _CHANGES), pages
                at += _NUMBER + page + _NUMBER
    except OSError:  # it has just come to its end
        return None
    return None, pages


def _read(file: IO[bytes], at: int) -> bytes:
    file.seek(at)
    return file.read(_NUMBER + HEADER_BYTES)


def _number(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + _NUMBER], "big")


def distinguish(draft: Path) -> None:
    """Let the counts in a finished file, which nobody has open, begin anywhere.

    By them SQLite sees that a file has changed, and `stray_log` whose log lies beside it. Another
    gallery, or a copy, that is put in the place of one then never looks like the same.
    """
    with draft.open("r+b") as file:
        changes = secrets.token_bytes(_NUMBER)
        for at, content in (
            (_CHANGES, changes),
            (_VALID_FOR, changes),
            (_COOKIE, secrets.token_bytes(_NUMBER)),
        ):
            file.seek(at)
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def is_mounted_alone(path: Path) -> bool:
    """Whether the file is a mount of its own, as into a container: its folder is another there."""
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes()
    except OSError:  # another system
        return False
    # Spaces, tabs, line breaks and backslashes are written in octal (proc_pid_mountinfo(5)).
    name = os.fsencode(path)
    for plain in b"\\ \t\n":
        name = name.replace(bytes([plain]), b"\\%03o" % plain)
    return any(line.split(b" ")[4:5] == [name] for line in mounts.splitlines())
