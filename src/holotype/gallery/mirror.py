"""What a process keeps in memory of a gallery file: a copy that can be thrown away."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.gallery import audit, enrolled_rows
from holotype.gallery.connection import Connection, DamagedError
from holotype.gallery.matrix import Matrix
from holotype.gallery.schema import schema_version
from holotype.gallery.snapshot import Over, Snapshot, Strangers

_ROWS_PER_READ = 4096  # bounds the memory that loading needs beside the matrix


class Mirror:
    """The file's content as a `Snapshot`, brought up to date at the cost of what changed."""

    def __init__(
        self, embedding_dim: int, check: Callable[[Connection], None], folder: Path | None
    ) -> None:
        """Know nothing yet.

        Args:
            embedding_dim: D.
            check: raises when the gallery is no longer the one that this process opened.
            folder: where many vectors may lie beside the memory, in a file without a name.
        """
        self._embedding_dim, self._folder = embedding_dim, folder
        self._check = check
        self._versions = self._stranger_versions = 0
        self.forget()

    def forget(self) -> None:
        """Throw the copy away: the next snapshot reads everything."""
        self._clear()
        self._snapshot: Snapshot | None = None
        self._state: tuple[object, date] | None = None  # of the connection, and the day
        self._stale = True

    def look_again(self) -> None:
        """The state will not show a change: this connection writes, or it is another one."""
        self._stale = True

    def latest(self, connection: Connection) -> Snapshot | None:
        """The present content if it is known here, which one statement says."""
        state = connection.state(), enrolled_rows.today()
        return None if self._stale or state != self._state else self._snapshot

    def snapshot(self, connection: Connection) -> Snapshot:
        """The present content, inside the caller's read transaction; at once if nobody wrote."""
        state = connection.state(), enrolled_rows.today()
        if self._snapshot is None or self._stale or state != self._state:
            self._snapshot = self._refreshed(connection)
            self._state, self._stale = state, False
        return self._snapshot

    def _clear(self) -> None:
        self._complete = False
        self._over: dict[int, date] = {}  # identity -> its last day, which has passed
        self._line: tuple[int, str] | None = None  # the last of the audit trail
        self._corrections = -1, -1
        self._signing_key: bytes | None = None
        self._strangers, self._strangers_read = _none(self._embedding_dim), -1
        self._matrix = Matrix(self._embedding_dim, self._folder)
        self._examples: list[int] = []  # id of each row of the matrix
        self._described = set[int]()  # ids of examples that stand for a text
        self._labels: list[str] = []
        self._names: list[str] = []  # random ids
        self._tags: dict[str, frozenset[str]] = {}
        self._quiet: set[str] = set()
        self._index: dict[int, int] = {}  # identity -> index into labels
        self._last_identity = self._last_example = 0

    def _refreshed(self, connection: Connection) -> Snapshot:
        """Drop the rows that are gone, read those that are new."""
        before, strangers = self._matrix, self._strangers
        rows = before.rows
        self._check(connection)
        corrections = _corrections(connection)
        line = audit.last_line(connection)
        if not self._complete or not _goes_on(connection, self._line):
            self._clear()
        self._line = line
        self._complete = False  # until everything is read: an error half way starts again
        corrected = False
        if corrections != self._corrections and self._last_example:
            corrected = self._look_again(connection)
        self._corrections = corrections
        self._read_new(connection)
        self._read_strangers(connection)
        over, self._over = self._over, enrolled_rows.over(connection, enrolled_rows.today())
        key, self._signing_key = self._signing_key, _signing_key(connection)
        self._complete = True
        if (
            self._snapshot is None
            or corrected
            or self._matrix is not before
            or self._matrix.rows != rows
            or self._strangers is not strangers
            or self._over != over
            or self._signing_key != key
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
            tuple(self._names[i] for i in sorted(days)),
        )
        examples = np.array(self._examples, np.int64)
        if days:
            there = ~gone[owner]
            vectors, owner, examples = vectors[there], renumbered[owner[there]], examples[there]
            vectors.flags.writeable = owner.flags.writeable = False
        examples.flags.writeable = False
        kept = np.flatnonzero(~gone).tolist()
        return Snapshot(
            self._versions,
            tuple(self._labels[i] for i in kept),
            tuple(self._names[i] for i in kept),
            vectors,
            owner,
            self._strangers,
            over,
            examples,
            dict(self._tags),
            frozenset(self._quiet),
            frozenset(self._described),
            self._signing_key,
        )

    def _look_again(self, connection: Connection) -> bool:
        """Forget the rows that the file no longer has, and read anew whose the others are.

        Ten times faster than reading all vectors. Returns whether anything is not as it was.
        """
        before = self._labels, self._names, self._tags, self._quiet
        # The index alone has both: the table would be read with all its vectors.
        found = _numbers(
            connection, "SELECT id, identity FROM examples INDEXED BY examples_by_identity"
        )
        found = found[np.argsort(found[:, 0])]
        rows = np.array(self._examples, np.int64)
        keep = np.isin(rows, found[:, 0])
        identities = found[np.searchsorted(found[:, 0], rows[keep]), 1]
        self._labels, self._names, self._index = [], [], {}
        self._tags, self._quiet = {}, set()
        self._last_identity = 0
        self._read_identities(connection)
        owner = self._owners(identities.tolist())
        if keep.all() and np.array_equal(owner, self._matrix.views()[1]):
            return before != (self._labels, self._names, self._tags, self._quiet)
        self._matrix = self._matrix.keep(keep, owner)
        self._examples = rows[keep].tolist()
        return True

    def _owners(self, identities: Sequence[int]) -> NDArray[np.int64]:
        try:
            return np.array([self._index[identity] for identity in identities], np.int64)
        except KeyError as error:
            raise DamagedError("an example is not as it was stored") from error

    def _read_identities(self, connection: Connection) -> None:
        more = "tags, quiet" if schema_version(connection) >= 3 else "'[]', 0"
        for identity, name, label, tags, quiet in connection.execute(
            f"SELECT id, uuid, label, {more} FROM identities WHERE id > ? ORDER BY id",
            (self._last_identity,),
        ):
            self._index[identity] = len(self._labels)
            self._labels.append(unicodedata.normalize("NFC", label))
            self._names.append(name)
            if tags != "[]":
                self._tags[name] = frozenset(json.loads(tags))
            if quiet:
                self._quiet.add(name)
            self._last_identity = identity

    def _read_new(self, connection: Connection) -> None:
        self._read_identities(connection)
        if not self._matrix.rows:
            self._matrix.reserve(connection.execute("SELECT COUNT(*) FROM examples").fetchone()[0])
        words = "description IS NOT NULL" if schema_version(connection) >= 4 else "0"
        while rows := connection.execute(
            f"SELECT id, identity, vector, {words} FROM examples WHERE id > ? ORDER BY id LIMIT ?",
            (self._last_example, _ROWS_PER_READ),
        ).fetchall():
            ids, identities, blobs, described = zip(*rows, strict=True)
            self._described.update(compress(ids, described))
            self._matrix.append(self._vectors(blobs), self._owners(identities))
            self._examples.extend(ids)
            self._last_example = ids[-1]

    def _read_strangers(self, connection: Connection) -> None:
        if schema_version(connection) < 2:
            return
        (version,) = connection.execute("SELECT strangers_version FROM meta").fetchone()
        if version == self._strangers_read:
            return
        self._strangers_read = version
        self._stranger_versions += 1
        classes: dict[tuple[str, int], int] = {}  # class 0 of two batches: two classes
        class_index, blobs, turned = [], [], []
        decision = "decision" if schema_version(connection) >= 3 else "NULL"
        for batch, number, blob, review in connection.execute(
            f"SELECT batch, class_index, vector, {decision} FROM strangers ORDER BY id"
        ):
            # Below 0: nobody said whom the picture shows.
            known = number >= 0
            class_index.append(classes.setdefault((batch, number), len(classes)) if known else -1)
            blobs.append(blob)
            turned.append(review is not None)
        if not blobs:
            self._strangers = _none(self._embedding_dim, self._stranger_versions)
            return
        vectors, owner = self._vectors(blobs), np.array(class_index, np.int64)
        away = np.array(turned, np.bool_)
        vectors.flags.writeable = owner.flags.writeable = away.flags.writeable = False
        self._strangers = Strangers(self._stranger_versions, vectors, owner, away)

    def _vectors(self, blobs: list[bytes] | tuple[bytes, ...]) -> NDArray[np.float32]:
        try:
            vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)
        except (TypeError, ValueError) as error:
            raise DamagedError("an example is not as it was stored") from error
        if vectors.shape[1] != self._embedding_dim or not np.isfinite(vectors).all():
            raise DamagedError("an example is not as it was stored")
        return vectors.astype(np.float32, copy=False)


def _signing_key(connection: Connection) -> bytes | None:
    if schema_version(connection) < 2:
        return None
    (key,) = connection.execute("SELECT signing_key FROM meta").fetchone()
    return None if key is None else bytes(key)


def _goes_on(connection: Connection, line: tuple[int, str] | None) -> bool:
    """Whether the file goes on from where it was read, by its audit trail.

    It does not when a backup was put in its place: there, numbers of rows that are gone here may
    have been given to others.
    """
    if line is None or schema_version(connection) < 2:
        return False
    row = connection.execute("SELECT hash FROM audit WHERE sequence = ?", line[:1]).fetchone()
    return bool(row == line[1:])


def _corrections(connection: Connection) -> tuple[int, int]:
    """What counts the changes after which appending is not enough."""
    corrections = "corrections" if schema_version(connection) >= 3 else "0"
    first, second = connection.execute(f"SELECT removals, {corrections} FROM meta").fetchone()
    return int(first), int(second)


def _numbers(connection: Connection, statement: str) -> NDArray[np.int64]:
    """The pairs of whole numbers that a statement finds: int64 [n, 2]."""
    return np.fromiter(connection.execute(statement), np.dtype((np.int64, 2)))


def _none(embedding_dim: int, version: int = 0) -> Strangers:
    return Strangers(version, np.empty((0, embedding_dim), np.float32), np.empty(0, np.int64))
