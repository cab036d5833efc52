"""What a process keeps in memory of a gallery file: a copy that can be thrown away."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Callable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from holotype.gallery import enrolled
from holotype.gallery.matrix import Matrix
from holotype.gallery.protocol import Over, Snapshot, Strangers
from holotype.gallery.schema import schema_version, transaction

_ROWS_PER_READ = 4096  # bounds the memory that loading needs beside the matrix


class Mirror:
    """The file's content as a `Snapshot`, brought up to date at the cost of what changed."""

    def __init__(self, embedding_dim: int, check: Callable[[sqlite3.Connection], None]) -> None:
        """Know nothing yet.

        Args:
            embedding_dim: D.
            check: raises when the gallery is no longer the one that this process opened.
        """
        self._embedding_dim = embedding_dim
        self._check = check
        self._snapshot: Snapshot | None = None
        self._versions = self._stranger_versions = 0
        self.forget()

    def forget(self) -> None:
        """Throw the copy away: the next snapshot reads everything."""
        self._clear()
        self._state: tuple[int, date] | None = None  # data_version, and the day
        self._stale = True

    def own_write(self) -> None:
        """This connection is about to write, which its own `data_version` does not show."""
        self._stale = True

    def snapshot(self, connection: sqlite3.Connection) -> Snapshot:
        """The present content; one PRAGMA when nobody wrote."""
        # Read before the content: a commit in between costs a needless look, never a miss.
        (data_version,) = connection.execute("PRAGMA data_version").fetchone()
        state = data_version, enrolled.today()
        if self._snapshot is None or self._stale or state != self._state:
            self._snapshot = self._refreshed(connection)
            self._state, self._stale = state, False
        return self._snapshot

    def _clear(self) -> None:
        self._complete = False
        self._over: dict[int, date] = {}  # identity -> its last day, which has passed
        self._line: tuple[int, str] | None = None  # the last of the audit trail
        self._removals = -1
        self._strangers, self._strangers_read = _none(self._embedding_dim), -1
        self._matrix = Matrix(self._embedding_dim)
        self._examples: list[int] = []  # id of each row of the matrix
        self._labels: list[str] = []
        self._names: list[str] = []  # random ids
        self._index: dict[int, int] = {}  # identity -> index into labels
        self._last_identity = self._last_example = 0

    def _refreshed(self, connection: sqlite3.Connection) -> Snapshot:
        """Drop the rows that are gone, read those that are new."""
        before, strangers = self._matrix, self._strangers
        rows = before.rows
        with transaction(connection, "DEFERRED"):
            self._check(connection)
            (removals,) = connection.execute("SELECT removals FROM meta").fetchone()
            line = _last_line(connection)
            if not self._complete or not _goes_on(connection, self._line):
                self._clear()
            self._line = line
            self._complete = False  # until everything is read: an error half way starts again
            if removals != self._removals and self._removals >= 0:
                self._drop_removed(connection)
            self._removals = removals
            self._read_new(connection)
            self._read_strangers(connection)
            over, self._over = self._over, enrolled.over(connection)
            self._complete = True
        if (
            self._snapshot is None
            or self._matrix is not before
            or self._matrix.rows != rows
            or self._strangers is not strangers
            or self._over != over
        ):
            self._versions += 1
            return self._taken()
        return self._snapshot

    def _taken(self) -> Snapshot:
        """A snapshot of what was read, without those whose last day has passed."""
        vectors, owner = self._matrix.views()
        days = {self._index[identity]: day for identity, day in self._over.items()}
        gone = np.isin(np.arange(len(self._labels)), list(days))
        renumbered = np.where(gone, np.cumsum(gone), np.cumsum(~gone)) - 1
        over = Over(
            tuple(self._labels[i] for i in sorted(days)),
            tuple(days[i] for i in sorted(days)),
            vectors[gone[owner]],
            renumbered[owner[gone[owner]]],
        )
        if days:
            vectors, owner = vectors[~gone[owner]], renumbered[owner[~gone[owner]]]
            vectors.flags.writeable = owner.flags.writeable = False
        kept = np.flatnonzero(~gone).tolist()
        return Snapshot(
            self._versions,
            tuple(self._labels[i] for i in kept),
            tuple(self._names[i] for i in kept),
            vectors,
            owner,
            self._strangers,
            over,
        )

    def _drop_removed(self, connection: sqlite3.Connection) -> None:
        """Forget the rows that the file no longer has: ten times faster than reading the rest."""
        # The index alone has the ids: the table would be read with all its vectors.
        alive = _ids(connection, "SELECT id FROM examples INDEXED BY examples_by_identity")
        keep = np.isin(np.array(self._examples, np.int64), alive)
        living = set(_ids(connection, "SELECT id FROM identities").tolist())
        if keep.all() and living.issuperset(self._index):
            return
        kept = [identity for identity in self._index if identity in living]
        at = [self._index[identity] for identity in kept]
        renumbered = np.full(len(self._labels), -1, np.int64)
        renumbered[at] = np.arange(len(at))
        self._matrix = self._matrix.keep(keep, renumbered)
        self._examples = np.array(self._examples, np.int64)[keep].tolist()
        self._labels = [self._labels[i] for i in at]
        self._names = [self._names[i] for i in at]
        self._index = {identity: i for i, identity in enumerate(kept)}

    def _read_new(self, connection: sqlite3.Connection) -> None:
        for identity, name, label in connection.execute(
            "SELECT id, uuid, label FROM identities WHERE id > ? ORDER BY id",
            (self._last_identity,),
        ):
            self._index[identity] = len(self._labels)
            self._labels.append(unicodedata.normalize("NFC", label))
            self._names.append(name)
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
                owner = np.array([self._index[identity] for identity in identities], np.int64)
            except KeyError as error:
                raise sqlite3.DatabaseError("an example is not as it was stored") from error
            self._matrix.append(self._vectors(blobs), owner)
            self._examples.extend(ids)
            self._last_example = ids[-1]

    def _read_strangers(self, connection: sqlite3.Connection) -> None:
        if schema_version(connection) < 2:
            return
        (version,) = connection.execute("SELECT strangers_version FROM meta").fetchone()
        if version == self._strangers_read:
            return
        self._strangers_read = version
        self._stranger_versions += 1
        classes: dict[tuple[str, int], int] = {}  # class 0 of two batches: two classes
        class_index, blobs = [], []
        for batch, number, blob in connection.execute(
            "SELECT batch, class_index, vector FROM strangers ORDER BY id"
        ):
            # Below 0: nobody said whom the picture shows.
            known = number >= 0
            class_index.append(classes.setdefault((batch, number), len(classes)) if known else -1)
            blobs.append(blob)
        if not blobs:
            self._strangers = _none(self._embedding_dim, self._stranger_versions)
            return
        vectors, owner = self._vectors(blobs), np.array(class_index, np.int64)
        vectors.flags.writeable = owner.flags.writeable = False
        self._strangers = Strangers(self._stranger_versions, vectors, owner)

    def _vectors(self, blobs: list[bytes] | tuple[bytes, ...]) -> NDArray[np.float32]:
        try:
            vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)
        except (TypeError, ValueError) as error:
            raise sqlite3.DatabaseError("an example is not as it was stored") from error
        if vectors.shape[1] != self._embedding_dim or not np.isfinite(vectors).all():
            raise sqlite3.DatabaseError("an example is not as it was stored")
        return vectors.astype(np.float32, copy=False)


def _last_line(connection: sqlite3.Connection) -> tuple[int, str] | None:
    if schema_version(connection) < 2:
        return None
    count, head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
    return int(count), str(head)


def _goes_on(connection: sqlite3.Connection, line: tuple[int, str] | None) -> bool:
    """Whether the file goes on from where it was read, by its audit trail.

    It does not when a backup was put in its place: there, numbers of rows that are gone here may
    have been given to others.
    """
    if line is None or schema_version(connection) < 2:
        return False
    row = connection.execute("SELECT hash FROM audit WHERE sequence = ?", line[:1]).fetchone()
    return bool(row == line[1:])


def _ids(connection: sqlite3.Connection, statement: str) -> NDArray[np.int64]:
    return np.fromiter((row[0] for row in connection.execute(statement)), np.int64)


def _none(embedding_dim: int, version: int = 0) -> Strangers:
    return Strangers(version, np.empty((0, embedding_dim), np.float32), np.empty(0, np.int64))
