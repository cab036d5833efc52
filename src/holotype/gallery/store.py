"""The open file behind a gallery: who may use it when, and that it is still the same one."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from holotype.errors import ErasurePendingError, GalleryError, GalleryReplacedError
from holotype.forking import Forked
from holotype.gallery import audit, changes, erasure, events, opened
from holotype.gallery.file import (
    connect_existing,
    failures,
    is_damage,
    may_write,
    modernize,
    real_path,
    require_own_log,
    sweep,
)
from holotype.gallery.mirror import Mirror
from holotype.gallery.opened import Connection, Key
from holotype.gallery.records import Erasure
from holotype.gallery.schema import Binding, read_binding, schema_version, transaction

_TURN_S = 0.001  # between two changes, for another process that waits for its turn
_TICK_NS = 20_000_000  # file systems note times to some milliseconds


@dataclass(frozen=True, slots=True)
class _State:
    """How the file looks from outside."""

    changes: int  # SQLite's own count
    written: tuple[object, ...]
    recent: bool = field(compare=False)


class Store(Forked):
    """A gallery file that is open, with one connection for all threads.

    A child made by fork opens it anew: SQLite's connections do not survive a fork.
    """

    def __init__(self, path: Path, binding: Binding, busy_timeout_s: float) -> None:
        """Open a gallery that exists and belongs to the model in `binding`."""
        self._given = Path(os.path.abspath(path))
        self.path = real_path(path)
        self._names = {os.fspath(self.path), os.fspath(self._given)}
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._file: Key | None = None  # what was opened; held until `close` or `reopen`
        self._settling = False
        self._closed = False
        self._changed_s = -_TURN_S  # when the last change from here ended, by the monotonic clock
        self._binding = binding
        self._mirror = Mirror(binding.embedding_dim, self._check_binding)
        with failures(self.path):
            sweep(self.path.parent)
            self._connect()
        super().__init__()

    def _connect(self) -> Connection:
        """Open the file that lies at the path; after the first time, no other one."""
        if self._file is not None:
            self._require_same()
        connection, self._frozen = connect_existing(self.path, self._busy_timeout_s)
        try:
            assert connection.file is not None
            if self._file not in (None, connection.file):  # replaced in between
                raise self._replaced_error(self.path)
            self._seen = self._state_of(connection)
            self._mounted_alone = opened.is_mounted_alone(self.path)
            self._check_binding(connection)
            self._finish_erasure(connection)
        except BaseException:
            connection.close()
            raise
        if self._file is None:
            opened.hold_on(connection.file)
            self._file = connection.file
        self._connection = connection
        self._mirror.look_again()  # a child made by fork has a copy, of before
        return connection

    def reopen(self) -> None:
        """Open what lies at the path now; see `Gallery.reopen`."""
        with self._lock, failures(self.path):
            if self._closed:
                raise self._closed_error()
            self._let_go()
            self.path = real_path(self._given)
            self._names = {os.fspath(self.path), os.fspath(self._given)}
            self._connect()

    def _let_go(self) -> None:
        """Forget which file it was."""
        self._forget_all()
        if self._file is not None:
            opened.release(self._file)
            self._file = None

    def before_fork(self) -> None:
        """Let the change that is under way come to its end: a child could not."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connection alone; the next use opens another."""
        self._lock = threading.RLock()
        if self._connection is not None:
            self._connection.leave()
            self._connection = None

    @property
    def model_id(self) -> str:
        """The model whose embeddings this gallery holds."""
        return self._binding.model_id

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._let_go()

    def __enter__(self) -> Self:
        """The gallery itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    # -- the connection ---------------------------------------------------------------------

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """The connection, for this thread alone; what is done with it begins by `_require_same`."""
        with self._lock, failures(self.path):
            if self._closed:
                raise self._closed_error()
            connection = self._connection or self._connect()
            state = self._state_of(connection)
            if self._written_past_sqlite(state):
                self._forget_all()
                connection = self._connect()
            self._seen = state
            connection.other_forms = None
            try:
                yield connection
            except sqlite3.DatabaseError as error:
                if is_damage(error):  # or half of a copy, which will be whole: look again
                    self._forget_all()
                raise
            after = self._state_of(connection)
            if after.changes != state.changes:  # of a change that was made here
                self._seen = after

    def _closed_error(self) -> GalleryError:
        return GalleryError(f"the gallery {str(self.path)!r} is closed", "Open it again")

    def _replaced_error(self, path: str | Path) -> GalleryReplacedError:
        return GalleryReplacedError(
            f"another file lies at {str(path)!r} than the gallery that was opened there",
            "Open the gallery again",
        )

    def _require_same(self) -> None:
        """Refuse to go on with a file that has lost its name, or with the log of another."""
        assert self._file is not None
        for path in self._names:
            try:
                there = opened.key_of(os.stat(path))
            except (FileNotFoundError, NotADirectoryError):
                raise GalleryReplacedError(
                    f"the gallery {path!r} is no longer there: it was deleted, or has got "
                    "another name, since it was opened",
                    "Put it back, or open it where it is now",
                ) from None
            if there != self._file:
                raise self._replaced_error(path)
        require_own_log(self.path, self._file, self._busy_timeout_s)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """The connection, with one state of the file for everything that is read inside."""
        # To take a lock is to apply a log that lies there: it has to be this file's own.
        with (
            self._session() as connection,
            transaction(connection, "DEFERRED", self._require_same),
        ):
            yield connection

    @contextmanager
    def _changing(self, actor: str | None = None) -> Iterator[Connection]:
        """One change: all of it is durable afterwards, or nothing happened."""
        with self._session() as connection:
            self._require_folder()
            # Who changes without a pause would leave no other process a moment to read or write.
            time.sleep(max(self._changed_s + _TURN_S - time.monotonic(), 0))
            self._mirror.look_again()
            with transaction(connection, "IMMEDIATE", self._require_same):
                # Under the lock, and before there is a log. The first page comes first into it.
                self._require_same()
                connection.execute(f"PRAGMA user_version = {schema_version(connection)}")
                # Under the lock: another process may have moved the gallery to another model.
                self._check_binding(connection)
                audit.require_first(connection, actor)
                modernize(connection, actor)
                changes.begin(connection)
                yield connection
                changes.finish(connection)
            self._changed_s = time.monotonic()
            self._require_same()  # or it is not where it is said to be

    @property
    def _only_read(self) -> bool:
        """Whether nothing can be changed from here: not even a line of the audit trail."""
        return self._frozen or self._mounted_alone or not may_write(self.path)

    def _require_folder(self) -> None:
        if self._mounted_alone:
            raise GalleryError(
                f"the gallery {str(self.path)!r} is mounted without the folder that it lies in; "
                "the log of a change would stay behind",
                "Mount the folder instead; to be read alone, it may stay as it is",
            )

    def _state_of(self, connection: Connection) -> _State:
        """What shows that somebody wrote to the file."""
        assert connection.file is not None
        status = opened.status_of(connection.file)
        return _State(
            opened.changes(opened.header_of(connection.file)),
            (status.st_size, status.st_mtime_ns, self._frozen and self._log_exists()),
            abs(time.time_ns() - status.st_mtime_ns) < _TICK_NS,
        )

    def _log_exists(self) -> bool:
        return Path(f"{self.path}-wal").exists()

    def _written_past_sqlite(self, state: _State) -> bool:
        """Whether the file was written to in a way that SQLite does not see.

        SQLite reads its pages anew when the file's count of changes has moved. A copy that is
        written over the file moves it with its first bytes, and goes on. A file of which SQLite
        was told that nobody writes to it (`_frozen`) is never read anew.
        """
        if self._frozen:
            return state != self._seen
        if state.changes != self._seen.changes:
            self._settling = False
            return False
        past = self._settling or state.written != self._seen.written
        # As long as another write could get the same time.
        self._settling = past and state.recent
        return past

    def _forget_all(self) -> None:
        """Nothing that was read is believed any more: the next use reads the file anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._mirror.forget()

    def _check_binding(self, connection: sqlite3.Connection) -> None:
        wanted, found = self._binding, read_binding(connection)
        if found.model_id != wanted.model_id:
            raise GalleryError(
                f"the gallery {str(self.path)!r} belongs to the model {found.model_name!r} "
                f"(id {found.model_id}), not to {wanted.model_name!r} (id {wanted.model_id})",
                f"Use the model {found.model_name!r} with that id, or enroll into a new gallery",
            )
        if found.embedding_dim != wanted.embedding_dim:
            raise GalleryError(
                f"the gallery {str(self.path)!r} holds vectors of {found.embedding_dim} "
                f"dimensions; the model {wanted.model_name!r} makes {wanted.embedding_dim}",
                "Use the model pack that the gallery was made with",
            )

    # -- erasure ----------------------------------------------------------------------------

    def _erase(self, connection: sqlite3.Connection) -> None:
        events.forget(self.path, erasure.enrolled(connection))
        erasure.erase(connection)

    def _erase_now(self, what: str, receipts: tuple[Erasure, ...] = ()) -> None:
        """Erase the bytes of what a transaction has just deleted (`what`: "the label 'Ada' is")."""
        with self._session() as connection:
            self._require_same()
            try:
                self._erase(connection)
            except sqlite3.Error as error:
                raise ErasurePendingError(
                    f"{what} gone from {str(self.path)!r}, but the bytes are still in the file: "
                    f"{error}",
                    "They are erased when the gallery is next opened or something else is "
                    "forgotten, once no other process is reading and the disk has room",
                    tuple(replace(receipt, pending=True) for receipt in receipts),
                ) from error

    def _finish_erasure(self, connection: sqlite3.Connection) -> bool:
        """Do what a forget could not finish, if nobody is in the way; whether nothing is left."""
        if self._frozen or not erasure.is_due(connection):
            return True
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._erase(connection)
        except sqlite3.Error:
            return False  # it stays on the list; reading and enrolling do not depend on it
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * self._busy_timeout_s)}")
        return True
