"""A file of SQLite beside a gallery, for its owner alone: keys, events, webhooks, the inbox."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar

from holotype.errors import ServingError

_BUSY_S = 5.0
_ERASING_S = 1.0  # for which an erasure waits for who is writing
_DURABLE = "PRAGMA synchronous = EXTRA"  # also the folder has lost the journal with the answer
_OVERWRITING = "PRAGMA secure_delete = ON"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Beside:
    """One such file, open for all threads.

    Args:
        path: the file; it is made where there is none.

    Raises:
        ServingError: others may read the file, or it holds something else.
    """

    _what: ClassVar[str]  # it holds, for errors: `keys`
    _tables: ClassVar[tuple[str, ...]]  # the statements that make them where there are none

    def __init__(self, path: Path) -> None:
        self.path = path
        what = self._what
        self._lock = threading.Lock()
        try:
            # Made beforehand, for its owner alone: SQLite gives its journals the same rights.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise ServingError(
                f"the {what} {str(path)!r} cannot be opened ({error.strerror or error})",
                "Check the path and its rights",
            ) from error
        self._require_private()
        self._connection = connect(path)
        try:
            for statement in (_DURABLE, _OVERWRITING, *self._tables):
                self._connection.execute(statement)
        except sqlite3.Error as error:
            self._connection.close()
            raise ServingError(
                f"{str(path)!r} holds no {what} ({error})", f"Move it away; new {what} are made"
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _session(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.IntegrityError:  # means something to whoever asked
                raise
            except sqlite3.Error as error:
                raise ServingError(
                    f"the {self._what} {str(self.path)!r} cannot be used ({error})",
                    "Check the disk and the rights, and try again",
                ) from error

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One change: all of it is durable afterwards, or nothing happened."""
        with self._session() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _require_private(self) -> None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            raise ServingError(
                f"the {self._what} {str(self.path)!r} are no longer there", "Start the server again"
            ) from None
        if os.name == "posix" and status.st_mode & _OTHERS:
            raise ServingError(
                f"others may read or write the {self._what} {str(self.path)!r} "
                f"(mode {stat.S_IMODE(status.st_mode):04o})",
                f"`chmod 600 {self.path.name}`, and replace the secrets in it if others have "
                "seen it",
            )


def connect(path: Path, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    """A connection whose transactions are explicit; the caller keeps other threads from it."""
    return sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)


@contextmanager
def erasing(path: Path) -> Iterator[sqlite3.Connection]:
    """One change to such a file, also of another process, that leaves no byte of what it takes out.

    Raises:
        sqlite3.Error: the bytes could not be erased now.
    """
    with closing(connect(path, _ERASING_S)) as connection:
        connection.execute(_OVERWRITING)
        connection.execute("BEGIN IMMEDIATE")
        before = connection.total_changes
        yield connection
        connection.execute("COMMIT")
        if connection.total_changes > before:
            connection.execute("VACUUM")
