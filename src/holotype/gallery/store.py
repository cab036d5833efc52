"""What stands between a gallery and its engine: one connection, and who may use it when."""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from holotype.errors import ErasurePendingError, GalleryError
from holotype.forking import Forked
from holotype.gallery import audit, changes, erasure, event_log, inbox, job_log
from holotype.gallery.connection import Connection, transaction
from holotype.gallery.creation import modernize
from holotype.gallery.mirror import Mirror
from holotype.gallery.records import Erasure
from holotype.gallery.schema import Binding, read_binding


class Store(Forked, ABC):
    """A gallery that is open, with one connection for all threads.

    A child made by fork opens it anew: no engine's connections survive a fork. What an engine has
    of its own is the first group of methods, and its `Connection`.
    """

    def __init__(self, place: str, binding: Binding, folder: Path | None = None) -> None:
        """Open a gallery that exists and belongs to the model in `binding`.

        Args:
            place: where it is, as messages say it: without a password.
            binding: the model.
            folder: as for `Mirror`; None: all vectors lie in memory.
        """
        self.place = place
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._closed = False
        self._binding = binding
        self._mirror = Mirror(binding.embedding_dim, self._check_binding, folder)
        with self._failures():
            self._connect()
        super().__init__()

    # -- what an engine implements ----------------------------------------------------------

    @abstractmethod
    def _dial(self) -> Connection:
        """A new connection to the gallery at its place."""

    @abstractmethod
    def _failures(self) -> AbstractContextManager[None]:
        """Turns what the engine raises into a GalleryError."""

    @abstractmethod
    def _is_lost(self, error: BaseException) -> bool:
        """Whether nothing that was read can be believed after this error."""

    @abstractmethod
    def _copy(self, target: Path) -> None:
        """Write what is alive at one moment to a new gallery file, whole or not at all."""

    @abstractmethod
    def _beside(self, ending: str) -> Path:
        """Where a server keeps what belongs to the gallery: its `events`, its `inbox`."""

    @property
    def _only_read(self) -> bool:
        """Whether nothing can be changed from here: not even a line of the audit trail."""
        return False

    def _require_same(self) -> None:
        """Refuse to go on with what is no longer the gallery that was opened."""

    def _before_use(self, connection: Connection) -> Connection:
        """The connection, or another one, to what is at the place now."""
        return connection

    def _after_use(self, connection: Connection) -> None:
        """Note what has become of it."""

    def _before_change(self) -> None:
        """Refuse a change before it is begun."""

    def _begun(self, connection: Connection) -> None:
        """Whatever else a change needs once it is alone."""

    def _done(self, connection: Connection) -> None:
        """Look at it once more when a change is durable."""

    def _after_change(self) -> None:
        """Let others know of a change, once it is durable."""

    # -- the connection ---------------------------------------------------------------------

    def _connect(self) -> Connection:
        connection = self._dial()
        try:
            self._check_binding(connection)
            self._finish_erasure(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._mirror.look_again()  # a child made by fork has a copy, of before
        return connection

    def reopen(self) -> None:
        """Go on with what lies at the gallery's place now.

        Raises:
            GalleryError: there is no gallery, or it belongs to another model.
        """
        with self._lock, self._failures():
            if self._closed:
                raise self._closed_error()
            self._let_go()
            self._connect()

    def _let_go(self) -> None:
        """Forget what was opened."""
        self._forget_all()

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
        """Let go of it. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._let_go()

    def __enter__(self) -> Self:
        """The gallery itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """The connection, for this thread alone; what is done with it begins by `_require_same`."""
        with self._lock, self._failures():
            if self._closed:
                raise self._closed_error()
            connection = self._before_use(self._connection or self._connect())
            connection.other_forms = None
            try:
                yield connection
            except Exception as error:
                if self._is_lost(error):
                    self._forget_all()
                raise
            self._after_use(connection)

    def _closed_error(self) -> GalleryError:
        return GalleryError(f"the gallery {self.place!r} is closed", "Open it again")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """The connection, with one state of the gallery for everything that is read inside."""
        with (
            self._session() as connection,
            transaction(connection, "DEFERRED", self._require_same),
        ):
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """The connection, while nobody else writes: what is done is durable, or did not happen."""
        with self._session() as connection:
            self._before_change()
            self._mirror.look_again()
            with transaction(connection, "IMMEDIATE", self._require_same):
                self._begun(connection)
                # Under the lock: another process may have moved the gallery to another model.
                self._check_binding(connection)
                yield connection
            self._done(connection)

    @contextmanager
    def _changing(self, actor: str | None = None) -> Iterator[Connection]:
        """One change: all of it is durable afterwards, or nothing happened."""
        with self._alone() as connection:
            audit.require_first(connection, actor)
            modernize(connection, actor)
            changes.begin(connection)
            yield connection
            changes.finish(connection)
        self._after_change()

    def _forget_all(self) -> None:
        """Nothing that was read is believed any more: the next use reads everything anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._mirror.forget()

    def _check_binding(self, connection: Connection) -> None:
        wanted, found = self._binding, read_binding(connection)
        if found.model_id != wanted.model_id:
            raise GalleryError(
                f"the gallery {self.place!r} belongs to the model {found.model_name!r} "
                f"(id {found.model_id}), not to {wanted.model_name!r} (id {wanted.model_id})",
                f"Use the model {found.model_name!r} with that id, or enroll into a new gallery",
            )
        if found.embedding_dim != wanted.embedding_dim:
            raise GalleryError(
                f"the gallery {self.place!r} holds vectors of {found.embedding_dim} "
                f"dimensions; the model {wanted.model_name!r} makes {wanted.embedding_dim}",
                "Use the model pack that the gallery was made with",
            )

    # -- erasure ----------------------------------------------------------------------------

    def _erase(self, connection: Connection, *, wait: bool = True) -> None:
        if self._has_beside():
            self._forget_beside(*_alive(connection))
        erasure.erase(connection, wait=wait)

    def _has_beside(self) -> bool:
        return any(self._beside(ending).exists() for ending in ("events", "inbox", "jobs"))

    def _forget_beside(self, enrolled: set[str], labels: list[str]) -> None:
        event_log.forget(self._beside("events"), enrolled)
        inbox.forget(self._beside("inbox"), enrolled)
        job_log.forget(self._beside("jobs"), labels)

    def erase_events(self) -> None:
        """Erase what lies beside the gallery here of whoever was erased, from any machine.

        Raises:
            GalleryError: they cannot be erased now.
        """
        if not self._has_beside():
            return
        with self._reading() as connection:
            alive = _alive(connection)
        try:
            self._forget_beside(*alive)
        except sqlite3.Error as error:
            raise GalleryError(
                f"the events beside {self.place!r} of who was erased cannot be erased now "
                f"({error})",
                "Try again when nobody else is writing them",
            ) from error

    def _erase_now(self, what: str, receipts: tuple[Erasure, ...] = ()) -> None:
        """Erase the bytes of what a transaction has just deleted (`what`: "the label 'Ada' is")."""
        with self._session() as connection:
            self._require_same()
            try:
                self._erase(connection)
            except (connection.errors, sqlite3.Error) as error:  # the events are a file of SQLite
                raise ErasurePendingError(
                    f"{what} gone from {self.place!r}, but the bytes are still in the file: "
                    f"{error}",
                    "They are erased when the gallery is next opened or something else is "
                    "forgotten, once no other process is reading and the disk has room",
                    tuple(replace(receipt, pending=True) for receipt in receipts),
                ) from error

    def _finish_erasure(self, connection: Connection) -> bool:
        """Do what a forget could not finish, if nobody is in the way; whether nothing is left."""
        if not erasure.is_due(connection):
            return True
        try:
            self._erase(connection, wait=False)
        except (connection.errors, sqlite3.Error):
            return False  # it stays on the list; reading and enrolling do not depend on it
        return True


def _alive(connection: Connection) -> tuple[set[str], list[str]]:
    """The random ids and the labels of all who are enrolled."""
    labels = [label for (label,) in connection.execute("SELECT label FROM identities")]
    return erasure.enrolled(connection), labels
