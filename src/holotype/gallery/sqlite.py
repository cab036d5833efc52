"""A gallery in one SQLite file.

The file is the only truth: write-ahead log, fsync before a commit returns. What is kept in
memory is a copy that is brought up to date when this or another process has written.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError, LabelError
from holotype.gallery.file import connect_existing, create_file, failures, real_path
from holotype.gallery.labels import check_label, shown
from holotype.gallery.mirror import Mirror
from holotype.gallery.protocol import Snapshot
from holotype.gallery.schema import Binding, read_binding, transaction

BUSY_TIMEOUT_S = 5.0


def gallery_model(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The id and the name of the model that the gallery at `path` belongs to.

    Raises:
        GalleryError: there is no gallery, or it cannot be read.
    """
    place = real_path(path)
    with failures(place):
        connection, _ = connect_existing(place, BUSY_TIMEOUT_S)
        try:
            binding = read_binding(connection)
        finally:
            connection.close()
    return binding.model_id, binding.model_name


class SqliteGallery:
    """The `Gallery` that needs no server. Made by `SqliteGallery.open`."""

    def __init__(self, path: Path, binding: Binding, busy_timeout_s: float) -> None:
        """Open a gallery that exists and belongs to the model in `binding`."""
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._binding = binding
        self._mirror = Mirror(binding.embedding_dim)
        with failures(path):
            self._connection, self._frozen = connect_existing(path, busy_timeout_s)
            try:
                self._seen = self._signature()
                self._check_binding(self._connection)
                self._finish_erasure(self._connection)
            except BaseException:
                self.close()
                raise

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        model_id: str,
        embedding_dim: int,
        *,
        model_name: str,
        create: bool = True,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the gallery at `path`; where there is none and `create` is true, make it.

        Args:
            path: the file. SQLite keeps a `-wal` and a `-shm` beside it while it is open.
            model_id: digest of the model whose embeddings the gallery holds.
            embedding_dim: D.
            model_name: the name that a person knows the model by.
            create: whether a missing gallery is made.
            busy_timeout_s: how long to wait for another process, in seconds.

        Raises:
            GalleryError: no gallery, not a gallery, one of another model or a newer schema, or
                a file that cannot be read.
        """
        place = real_path(path)
        binding = Binding(model_id, model_name, embedding_dim)
        if create:
            with failures(place):
                if not place.exists():
                    create_file(place, binding)
        return cls(place, binding, busy_timeout_s)

    @property
    def model_id(self) -> str:
        """The model whose embeddings this gallery holds."""
        return self._binding.model_id

    def add(self, label: str, vectors: NDArray[Any]) -> int:
        """Store float32 [B, D] examples of a label; see `Gallery.add`."""
        check_label(label)
        blobs = [row.tobytes() for row in self._checked(vectors).astype("<f4", copy=False)]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._session() as connection:
            self._mirror.own_write()
            with transaction(connection, "IMMEDIATE"):
                identity = _find(connection, label)
                if identity is None:
                    identity = connection.execute(
                        "INSERT INTO identities (uuid, label, created) VALUES (?, ?, ?)",
                        (str(uuid.uuid4()), label, now),
                    ).lastrowid
                connection.executemany(
                    "INSERT INTO examples (identity, vector, created) VALUES (?, ?, ?)",
                    ((identity, blob, now) for blob in blobs),
                )
                return _one(
                    connection, "SELECT COUNT(*) FROM examples WHERE identity = ?", identity
                )

    def remove(self, label: str) -> int:
        """Erase a label with all its examples; see `Gallery.remove`.

        The whole file is rewritten: when SQLite balances its pages it leaves copies of rows in
        the gaps, which `secure_delete` does not reach once the row itself is deleted.
        """
        check_label(label)
        with self._session() as connection:
            self._mirror.own_write()
            with transaction(connection, "IMMEDIATE"):
                identity = _find(connection, label)
                if identity is None:
                    raise LabelError(
                        f"the label {shown(label)} is not enrolled in {str(self.path)!r}",
                        "Look at the enrolled labels with list",
                    )
                removed = connection.execute(
                    "DELETE FROM examples WHERE identity = ?", (identity,)
                ).rowcount
                connection.execute("DELETE FROM identities WHERE id = ?", (identity,))
                connection.execute("UPDATE meta SET removals = removals + 1")
            try:
                self._erase(connection)
            except sqlite3.Error as error:
                raise GalleryError(
                    f"the label {shown(label)} is gone from {str(self.path)!r}, but its bytes "
                    f"are still in the file: {error}",
                    "They are erased when the gallery is next opened or another label forgotten, "
                    "once no other process is reading and the disk has room",
                ) from error
            return removed

    def labels(self) -> dict[str, int]:
        """Every label and its number of examples, in order of first enrollment."""
        with self._session() as connection:
            return {
                str(label): int(count)
                for label, count in connection.execute(
                    "SELECT label, COUNT(*) FROM examples JOIN identities"
                    " ON identities.id = examples.identity GROUP BY identity ORDER BY identity"
                )
            }

    def snapshot(self) -> Snapshot:
        """The present content; one PRAGMA when nothing changed, else only new rows are read."""
        with self._session() as connection:
            return self._mirror.snapshot(connection)

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

    def _checked(self, vectors: NDArray[Any]) -> NDArray[np.float32]:
        array = np.ascontiguousarray(vectors, dtype=np.float32)
        dim = self._binding.embedding_dim
        if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] != dim:
            raise GalleryError(
                f"vectors of shape {array.shape} do not fit the gallery, which takes "
                f"[B, {dim}] with B of at least 1",
                "Pass embeddings of the gallery's own model",
            )
        if not np.isfinite(array).all():
            raise GalleryError(
                "the vectors hold NaN or infinity; a gallery takes finite numbers",
                "Check the model and its input",
            )
        return array

    # -- erasure ----------------------------------------------------------------------------

    def _erase(self, connection: sqlite3.Connection) -> None:
        """Rewrite the file from what is alive, empty the log, and note that it is done."""
        # Read first: a removal that comes in meanwhile must stay on the list.
        removals = _one(connection, "SELECT removals FROM meta")
        connection.execute("VACUUM")
        if _one(connection, "PRAGMA wal_checkpoint(TRUNCATE)"):
            raise sqlite3.OperationalError("another process is reading an older state of it")
        connection.execute("UPDATE meta SET erased = MAX(erased, ?)", (removals,))

    def _finish_erasure(self, connection: sqlite3.Connection) -> None:
        """Do what a forget could not finish, if nobody is in the way."""
        if self._frozen or not _one(connection, "SELECT removals > erased FROM meta"):
            return
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._erase(connection)
        except sqlite3.Error:
            pass  # it stays on the list; reading and enrolling do not depend on it
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * self._busy_timeout_s)}")


def _one(connection: sqlite3.Connection, statement: str, *values: object) -> int:
    """The first number of a statement's first row."""
    return int(connection.execute(statement, values).fetchone()[0])


def _find(connection: sqlite3.Connection, label: str) -> int | None:
    """The identity with that label, if there is one."""
    row = connection.execute("SELECT id FROM identities WHERE label = ?", (label,)).fetchone()
    return None if row is None else int(row[0])
