"""What a process keeps in memory of a gallery file: a copy that can be thrown away."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
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
_LINES = 100  # of the audit trail, whose identities are looked up one by one
# Whose lines name all identities that they touch.
_NAMING = {
    *("enroll", "rename", "merge", "move", "describe", "forget", "expire"),
    *("calibrate", "uncalibrate", "feedback", "stranger", "pictures", "export"),
}


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
        self._versions = self._stranger_versions = self._loaded = 0
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
        self._loaded += 1
        self._over: dict[int, date] = {}  # identity -> its last day, which has passed
        self._line: tuple[int, str] | None = None  # the last of the audit trail
        self._corrections = -1, -1
        self._signing_key: bytes | None = None
        self._strangers, self._strangers_read = _none(self._embedding_dim), -1
        self._matrix = Matrix(self._embedding_dim, self._folder)
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
        known, self._line = self._line, line
        self._complete = False  # until everything is read: an error half way starts again
        corrected = False
        if corrections != self._corrections and self._last_example:
            corrected = self._look_again(connection, _named(connection, known))
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
        vectors, examples, owner = self._matrix.views()
        labels, names = tuple(self._labels), tuple(self._names)
        over = Over((), (), vectors[:0], owner[:0])
        if self._over:
            days = {self._index[identity]: day for identity, day in self._over.items()}
            gone = np.isin(np.arange(len(labels)), list(days))
            renumbered = np.where(gone, np.cumsum(gone), np.cumsum(~gone)) - 1
            there = ~gone[owner]
            over = Over(
                tuple(labels[i] for i in sorted(days)),
                tuple(days[i] for i in sorted(days)),
                vectors[~there],
                renumbered[owner[~there]],
                tuple(names[i] for i in sorted(days)),
            )
            vectors, owner, examples = vectors[there], renumbered[owner[there]], examples[there]
            vectors.flags.writeable = owner.flags.writeable = examples.flags.writeable = False
            labels, names = (tuple(compress(each, ~gone)) for each in (labels, names))
        return Snapshot(
            self._versions,
            labels,
            names,
            vectors,
            owner,
            self._strangers,
            over,
            examples,
            dict(self._tags),
            frozenset(self._quiet),
            frozenset(self._described),
            self._signing_key,
            self._loaded,
        )

    def _look_again(self, connection: Connection, named: set[str] | None) -> bool:
        """Forget the rows that the file no longer has, and read anew whose the others are.

        Ten times faster than reading all vectors.

        Args:
            connection: in its read transaction.
            named: the random ids of those alone who may not be as they were read; None: anybody.

        Returns:
            Whether anything is not as it was.
        """
        if named is not None and not named:
            return False
        before = self._labels, self._names, self._tags, self._quiet
        _, examples, owner = self._matrix.views()
        whose = self._identities()[owner]
        if named is None:
            read = np.ones(len(owner), np.bool_)
            # The index alone has both: the table would be read with all its vectors.
            statement = "SELECT id, identity FROM examples INDEXED BY examples_by_identity"
            found = _numbers(connection, statement)
            self._labels, self._names, self._index = [], [], {}
            self._tags, self._quiet = {}, set()
            self._last_identity = 0
        else:
            places = [at for at, name in enumerate(self._names) if name in named]
            read = np.isin(owner, places)
            found = self._read_named(connection, named, places)
        self._read_identities(connection)
        found = found[np.argsort(found[:, 0])]
        keep = ~read | np.isin(examples, found[:, 0])
        read &= keep
        whose[read] = found[np.searchsorted(found[:, 0], examples[read]), 1]
        known = self._identities()
        now = np.searchsorted(known, whose[keep])
        if not np.isin(whose[keep], known).all():
            raise DamagedError("an example is not as it was stored")
        if keep.all() and np.array_equal(now, owner):
            return before != (self._labels, self._names, self._tags, self._quiet)
        self._matrix = self._matrix.keep(keep, now)
        return True

    def _read_named(
        self, connection: Connection, named: set[str], places: Sequence[int]
    ) -> NDArray[np.int64]:
        """Read anew who has one of the random ids, of whom those at some places were read before.

        Returns:
            The examples of all of them and whose each is: int64 [n, 2].
        """
        identities = self._identities().tolist()
        self._labels, self._names = self._labels.copy(), self._names.copy()
        self._tags, self._quiet = self._tags.copy(), self._quiet.copy()
        marks = ", ".join("?" * len(named))
        rows = {row[1]: row for row in _identity_rows(connection, f"uuid IN ({marks})", *named)}
        for at in reversed(places):
            name = self._names[at]
            self._tags.pop(name, None)
            self._quiet.discard(name)
            if name in rows:
                self._labels[at] = self._noted(rows[name])
            else:
                del identities[at], self._labels[at], self._names[at]
        self._index = {identity: at for at, identity in enumerate(identities)}
        found = [np.empty((0, 2), np.int64)]
        for identity, *_ in rows.values():
            statement = "SELECT id, identity FROM examples WHERE identity = ?"
            found.append(_numbers(connection, statement, identity))
        return np.concatenate(found)

    def _identities(self) -> NDArray[np.int64]:
        """The row of each identity that was read, ascending: int64 [N]."""
        return np.fromiter(self._index, np.int64, len(self._index))

    def _read_identities(self, connection: Connection) -> None:
        for row in _identity_rows(connection, "id > ?", self._last_identity):
            self._last_identity = row[0]
            self._index[row[0]] = len(self._labels)
            self._names.append(row[1])
            self._labels.append(self._noted(row))

    def _noted(self, row: tuple[int, str, str, str, int]) -> str:
        """The label of an identity, whose tags are kept beside it."""
        _, name, label, tags, quiet = row
        if tags != "[]":
            self._tags[name] = frozenset(json.loads(tags))
        if quiet:
            self._quiet.add(name)
        return label if label.isascii() else unicodedata.normalize("NFC", label)

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
            try:
                owner = np.array([self._index[identity] for identity in identities], np.int64)
            except KeyError as error:
                raise DamagedError("an example is not as it was stored") from error
            self._matrix.append(self._vectors(blobs), np.array(ids, np.int64), owner)
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


def _named(connection: Connection, line: tuple[int, str] | None) -> set[str] | None:
    """The random ids of all who are not as they were at a line of the audit trail.

    None where the trail does not say: whom an undo brings back, an import or a new model.
    """
    lines = connection.execute(
        "SELECT entry FROM audit WHERE sequence > ? LIMIT ?", (line[0] if line else 0, _LINES + 1)
    ).fetchall()
    entries = [json.loads(entry) for (entry,) in lines]
    if line is None or len(entries) > _LINES or {one["action"] for one in entries} - _NAMING:
        return None
    return {one[key] for one in entries for key in ("identity", "source") if one.get(key)}


def _identity_rows(
    connection: Connection, which: str, *values: object
) -> Iterable[tuple[int, str, str, str, int]]:
    """The number, random id, label, tags and quietness of some of the enrolled, by their number."""
    more = "tags, quiet" if schema_version(connection) >= 3 else "'[]', 0"
    return connection.execute(
        f"SELECT id, uuid, label, {more} FROM identities WHERE {which} ORDER BY id", values
    )


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


def _numbers(connection: Connection, statement: str, *values: object) -> NDArray[np.int64]:
    """The pairs of whole numbers that a statement finds: int64 [n, 2]."""
    return np.fromiter(connection.execute(statement, values), np.dtype((np.int64, 2)))


def _none(embedding_dim: int, version: int = 0) -> Strangers:
    return Strangers(version, np.empty((0, embedding_dim), np.float32), np.empty(0, np.int64))
