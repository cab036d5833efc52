"""What a process keeps in memory of a gallery file: a copy that can be thrown away."""

from __future__ import annotations

import sqlite3

import numpy as np

from holotype.gallery.matrix import Matrix
from holotype.gallery.protocol import Snapshot
from holotype.gallery.schema import transaction

_ROWS_PER_READ = 4096  # bounds the memory that loading needs beside the matrix


class Mirror:
    """The file's content as a `Snapshot`, brought up to date at the cost of what changed."""

    def __init__(self, embedding_dim: int) -> None:
        """Know nothing yet; `embedding_dim` is D."""
        self._embedding_dim = embedding_dim
        self._snapshot: Snapshot | None = None
        self._versions = 0
        self.forget()

    def forget(self) -> None:
        """Throw the copy away: the next snapshot reads everything."""
        self._clear(removals=-1)
        self._data_version = -1
        self._stale = True

    def own_write(self) -> None:
        """This connection is about to write, which its own `data_version` does not show."""
        self._stale = True

    def snapshot(self, connection: sqlite3.Connection) -> Snapshot:
        """The present content; one PRAGMA when nobody wrote."""
        # Read before the content: a commit in between costs a needless look, never a miss.
        (data_version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._snapshot is None or self._stale or data_version != self._data_version:
            self._snapshot = self._refreshed(connection)
            self._data_version, self._stale = data_version, False
        return self._snapshot

    def _clear(self, removals: int) -> None:
        self._removals = removals
        self._complete = False
        self._matrix = Matrix(self._embedding_dim)
        self._labels: list[str] = []
        self._index: dict[int, int] = {}  # identity -> index into labels
        self._last_identity = self._last_example = 0

    def _refreshed(self, connection: sqlite3.Connection) -> Snapshot:
        """Read the rows that are new, or all of them after a removal."""
        before = self._matrix
        rows = before.rows
        with transaction(connection, "DEFERRED"):
            (removals,) = connection.execute("SELECT removals FROM meta").fetchone()
            if removals != self._removals or not self._complete:
                self._clear(removals)
            self._complete = False  # until everything is read: an error half way starts again
            self._read_new(connection)
            self._complete = True
        if self._snapshot is None or self._matrix is not before or self._matrix.rows != rows:
            self._versions += 1
            vectors, owner = self._matrix.views()
            return Snapshot(self._versions, tuple(self._labels), vectors, owner)
        return self._snapshot

    def _read_new(self, connection: sqlite3.Connection) -> None:
        for identity, label in connection.execute(
            "SELECT id, label FROM identities WHERE id > ? ORDER BY id", (self._last_identity,)
        ):
            self._index[identity] = len(self._labels)
            self._labels.append(label)
            self._last_identity = identity
        if not self._matrix.rows:
            self._matrix.reserve(connection.execute("SELECT COUNT(*) FROM examples").fetchone()[0])
        cursor = connection.execute(
            "SELECT id, identity, vector FROM examples WHERE id > ? ORDER BY id",
            (self._last_example,),
        )
        while rows := cursor.fetchmany(_ROWS_PER_READ):
            ids, identities, blobs = zip(*rows, strict=True)
            try:
                vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(rows), -1)
                owner = np.array([self._index[identity] for identity in identities], np.int64)
            except (KeyError, TypeError, ValueError) as error:
                raise sqlite3.DatabaseError("an example is not as it was stored") from error
            if vectors.shape[1] != self._embedding_dim or not np.isfinite(vectors).all():
                raise sqlite3.DatabaseError("an example is not as it was stored")
            self._matrix.append(vectors.astype(np.float32, copy=False), owner)
            self._last_example = ids[-1]
