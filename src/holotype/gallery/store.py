"""The open file behind a gallery: who may use it when, and that it is still the same one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import erasure
from holotype.gallery.file import connect_existing, failures, modernize
from holotype.gallery.mirror import Mirror
from holotype.gallery.records import Erasure
from holotype.gallery.schema import Binding, read_binding, transaction


class Store:
    """A gallery file that is open, with one connection for all threads."""

    def __init__(self, path: Path, binding: Binding, busy_timeout_s: float) -> None:
        """Open a gallery that exists and belongs to the model in `binding`."""
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._binding = binding
        self._mirror = Mirror(binding.embedding_dim, self._check_binding)
        with failures(path):
            self._connection, self._frozen = connect_existing(path, busy_timeout_s)
            try:
                self._seen = self._signature()
                self._check_binding(self._connection)
                self._finish_erasure(self._connection)
            except BaseException:
                self.close()
                raise

    @property
    def model_id(self) -> str:
        """The model whose embeddings this gallery holds."""
        return self._binding.model_id

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

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
    def _session(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone."""
        with self._lock, failures(self.path):
            if self._connection is None:
                raise GalleryError(f"the gallery {str(self.path)!r} is closed", "Open it again")
            if self._frozen and self._signature() != self._seen:
                self._seen = self._signature()
                self._connection.close()
                self._connection = None  # stays so if it cannot be opened again
                self._connection, self._frozen = connect_existing(self.path, self._busy_timeout_s)
                self._mirror.forget()
            yield self._connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, with one state of the file for everything that is read inside."""
        with self._session() as connection, transaction(connection, "DEFERRED"):
            yield connection

    @contextmanager
    def _changing(self, actor: str | None = None) -> Iterator[sqlite3.Connection]:
        """One change: all of it is durable afterwards, or nothing happened."""
        with self._session() as connection:
            self._mirror.own_write()
            with transaction(connection, "IMMEDIATE"):
                # Under the lock: another process may have moved the gallery to another model.
                self._check_binding(connection)
                modernize(connection, actor)
                yield connection

    def _signature(self) -> tuple[object, ...]:
        """What shows that somebody wrote to a file on which SQLite keeps no watch."""
        status = self.path.stat()
        log = Path(f"{self.path}-wal")
        return status.st_ino, status.st_size, status.st_mtime_ns, log.exists()

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
        erasure.erase(connection)

    def _erase_now(self, what: str, receipts: tuple[Erasure, ...] = ()) -> None:
        """Erase the bytes of what a transaction has just deleted (`what`: "the label 'Ada' is")."""
        with self._session() as connection:
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
