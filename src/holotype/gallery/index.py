"""What an engine that finds candidates has to be told, and how it is kept in step.

The tables of a gallery stay the truth. Where it has an index, each transaction that changes
somebody's examples leaves a row in `indexed`, by a trigger: the outbox. Afterwards, alone, whoever
comes first puts the new prototype into the index under the number of that row, takes the former
one out, and notes it. A number is never used for another vector, so a message that comes late
changes nothing that counts; and what was interrupted is done again.

In the index lie random ids and vectors, and no labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError
from holotype.gallery import audit
from holotype.gallery.connection import Connection
from holotype.gallery.prototypes import prototypes_of
from holotype.gallery.schema import one
from holotype.stats.scoring import Floats

BATCH = 1000  # identities that are put into the index in one transaction
VOID = ""  # what is noted in place of the end of the audit trail
MARK = 0  # the key of the row that says whose index it is
_TABLES = (
    # A waiting row says that the examples of an identity have changed; of one that is there, its
    # key is that in the index.
    """CREATE TABLE indexed (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        identity INTEGER NOT NULL,
        waiting INTEGER NOT NULL DEFAULT 1
    )""",
    "CREATE INDEX indexed_by_identity ON indexed (identity)",
    "CREATE INDEX indexed_waiting ON indexed (identity) WHERE waiting = 1",
    "CREATE TABLE index_state (tag TEXT NOT NULL, head TEXT)",
)


@dataclass(frozen=True, slots=True)
class Collection:
    """What an engine has under a name."""

    embedding_dim: int  # 0: it is none of an index
    kind: str  # of index, as the engine calls it, with its metric
    rows: int


class Index(Protocol):
    """An engine that finds candidates; every method raises GalleryError where it cannot."""

    name: str  # as messages have it, without a password
    kind: str  # that it makes
    exact: bool  # whether it misses nobody

    def found(self) -> Collection | None:
        """What is there now; None: nothing."""

    def create(self, embedding_dim: int) -> None:
        """An empty index in the place of whatever was there."""

    def put(self, keys: Sequence[int], names: Sequence[str], vectors: Floats) -> None:
        """Store a name and a vector under each key, or again; seen by every later question."""

    def drop(self, keys: Sequence[int]) -> None:
        """Delete what is under the keys, if anything is."""

    def names(self, keys: Sequence[int]) -> dict[int, str]:
        """The names under those keys that are there."""

    def nearest(self, vectors: Floats, count: int) -> list[list[str]]:
        """The names of the most alike of each vector, by inner product, best first."""

    def compact(self) -> None:
        """Ask the engine to let go of what was deleted, in its own time."""

    def close(self) -> None:
        """Let go of it."""

    def leave(self) -> None:
        """Do nothing with it any more: it is the parent's, and this process a child of that."""


def is_noted(connection: Connection) -> bool:
    """Whether the gallery notes for an index what changes."""
    return bool(connection.columns("index_state"))


def note(connection: Connection) -> None:
    """Begin to do so, inside the caller's transaction: everybody waits to be put into it."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.watch_examples()
    connection.execute("INSERT INTO index_state VALUES (?, NULL)", (str(uuid4()),))
    renew(connection)


def renew(connection: Connection) -> None:
    """Let everybody wait to be put into an index that is empty."""
    connection.execute("DELETE FROM indexed")
    connection.execute("INSERT INTO indexed (identity) SELECT id FROM identities")
    connection.execute("UPDATE index_state SET head = NULL")


def settled(connection: Connection) -> int | None:
    """The last number that was given, inside one state; None where anything waits.

    Raises:
        GalleryError: another content was put into the gallery.
    """
    try:
        (head,) = connection.execute("SELECT head FROM index_state").fetchone()
    except connection.errors:
        if is_noted(connection):
            raise
        head = VOID  # of a backup from before there was an index
    if head == VOID:
        raise stale("that was made of this gallery is of an earlier content")
    waits = connection.execute("SELECT 1 FROM indexed WHERE waiting = 1 LIMIT 1").fetchone()
    return connection.counter("indexed") if waits is None else None


def void(connection: Connection) -> None:
    """Let nobody believe the index any more: another content is put into the gallery."""
    if is_noted(connection):
        connection.execute("UPDATE index_state SET head = ?", (VOID,))


def require_own(
    connection: Connection, index: Index, embedding_dim: int, *, anew: bool = False
) -> None:
    """Make sure, alone, that the index is of this gallery; one that was never made is made.

    Args:
        connection: inside a transaction that may write.
        index: to look at.
        embedding_dim: D.
        anew: whether to begin with an empty one.

    Raises:
        GalleryError: it is another's, or is not the one that the gallery has filled.
    """
    tag, head = connection.execute("SELECT tag, head FROM index_state").fetchone()
    found = index.found()
    mark = index.names([MARK]).get(MARK, "") if found is not None and found.embedding_dim else ""
    own = mark.startswith(f"{tag} ")
    # One without a row is left from where somebody was interrupted.
    if found is not None and not own and (found.rows or not found.embedding_dim):
        raise GalleryError(
            f"the collection {index.name!r} is there already, and is not the index of this gallery",
            "Choose another name for the collection",
        )
    # The gallery was moved to a model of other vectors.
    anew = anew or (own and found is not None and found.embedding_dim != embedding_dim)
    if anew:
        renew(connection)
    elif head == VOID or (found is None and head is not None):
        raise stale(f"{index.name!r} is no longer there, or not of this content")
    if anew or found is None or not own:
        index.create(embedding_dim)
        return
    if found.kind != index.kind:
        raise stale(f"{index.name!r} is {found.kind}, where {index.kind} is wanted")
    last = mark.split(" ")[1]
    if connection.execute("SELECT 1 FROM audit WHERE hash = ?", (last,)).fetchone() is None:
        raise stale(
            f"{index.name!r} knows of changes that this gallery, an older copy, has not seen"
        )


def require_complete(connection: Connection, index: Index) -> None:
    """Make sure, alone, that the index has lost nothing.

    Raises:
        GalleryError: it has.
    """
    found = index.found()
    (head,) = connection.execute("SELECT head FROM index_state").fetchone()
    wanted = one(connection, "SELECT COUNT(*) FROM indexed WHERE waiting = 0") + (head is not None)
    if settled(connection) is not None and (found is None or found.rows != wanted):
        rows = 0 if found is None else found.rows
        raise stale(f"{index.name!r} has {rows} rows, and the gallery put {wanted} into it")


def lost(connection: Connection, index: Index) -> int:
    """How many of the enrolled the index has not, or in another place; inside one state."""
    count, after = 0, 0
    while rows := connection.execute(
        "SELECT key, uuid FROM indexed JOIN identities ON identities.id = indexed.identity"
        " WHERE waiting = 0 AND key > ? ORDER BY key LIMIT ?",
        (after, BATCH),
    ).fetchall():
        names = index.names([key for key, _ in rows])
        count += sum(names.get(key) != name for key, name in rows)
        after = rows[-1][0]
    return count


def tell(connection: Connection, index: Index, embedding_dim: int) -> bool:
    """Tell the index, alone, of some of what has changed.

    Returns:
        Whether anybody was taken out of it for good.
    """
    rows = connection.execute(
        "SELECT identity, MAX(key) FROM indexed WHERE waiting = 1 GROUP BY identity"
        " ORDER BY identity LIMIT ?",
        (BATCH,),
    ).fetchall()
    keys = {int(identity): int(key) for identity, key in rows}
    if not keys:
        return False
    marks = ", ".join("?" * len(keys))
    names, vectors = _prototypes(connection, marks, list(keys), embedding_dim)
    line = audit.last_line(connection)
    assert line is not None  # a gallery is brought to the present schema before it has an index
    (tag,) = connection.execute("SELECT tag FROM index_state").fetchone()
    index.put(
        [MARK, *(keys[identity] for identity in names)],
        [f"{tag} {line[1]}", *names.values()],
        np.concatenate([np.zeros((1, embedding_dim), np.float32), vectors]),
    )
    there = {keys[identity] for identity in names}
    former = [
        int(key)
        for (key,) in connection.execute(
            f"SELECT key FROM indexed WHERE identity IN ({marks})", list(keys)
        ).fetchall()
        if key not in there
    ]
    if former:
        index.drop(former)
        connection.executemany("DELETE FROM indexed WHERE key = ?", [(key,) for key in former])
    connection.executemany(
        "UPDATE indexed SET waiting = 0 WHERE key = ?", [(key,) for key in sorted(there)]
    )
    connection.execute("UPDATE index_state SET head = ?", (line[1],))
    return len(names) < len(keys)


def _prototypes(
    connection: Connection, marks: str, identities: list[int], embedding_dim: int
) -> tuple[dict[int, str], Floats]:
    """Who of some identities is there, by their random ids, and their prototypes."""
    names: dict[int, str] = {}
    owner: list[int] = []
    blobs: list[bytes] = []
    described: list[bool] = []
    for identity, name, blob, words in connection.execute(
        "SELECT identity, uuid, vector, description IS NOT NULL FROM examples"
        " JOIN identities ON identities.id = examples.identity"
        f" WHERE identity IN ({marks}) ORDER BY identity, examples.id",
        identities,
    ):
        if identity not in names:
            names[int(identity)] = str(name)
        owner.append(len(names) - 1)
        blobs.append(blob)
        described.append(bool(words))
    if not names:
        return names, np.empty((0, embedding_dim), np.float32)
    rows: NDArray[np.float32] = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)
    return names, prototypes_of(
        rows.astype(np.float32, copy=False),
        np.array(owner, np.int64),
        np.array(described, np.bool_),
        len(names),
    )


def stale(why: str) -> GalleryError:
    """That an index is not the one that the gallery has filled."""
    return GalleryError(
        f"the index {why}",
        "Make it anew from the gallery: `holotype reindex URL`",
    )
