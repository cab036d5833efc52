"""Erasing: rows go in a transaction, their bytes by rewriting what holds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from holotype.gallery import audit, changes
from holotype.gallery.connection import Connection
from holotype.gallery.records import Erasure
from holotype.gallery.schema import IS_MOVE, one, schema_version

_NAMES = 500  # that are asked for at once


def remove_identity(
    connection: Connection, identity: int, action: str, actor: str | None, at: datetime
) -> Erasure:
    """Delete an identity with all that hangs on it, inside the caller's transaction.

    Of the reviews the counts stay; strangers that were mistaken for the identity, or for one that
    is the same, go with it.
    """
    name = audit.name_of(connection, identity)
    earlier = [one_of for one_of, now in merged(connection).items() if now == name]
    names = [(one_of,) for one_of in (name, *earlier)]
    batches = [
        batch
        for one_of in names
        for batch in connection.execute(
            "SELECT DISTINCT batch FROM strangers JOIN feedback USING (decision)"
            " WHERE identity = ? AND answer = 'match'",
            one_of,
        )
    ]
    changes.seal(connection, [("identities", identity), *(("strangers", b) for (b,) in batches)])
    if batches:
        connection.executemany("DELETE FROM strangers WHERE batch = ?", batches)
        connection.execute("UPDATE meta SET strangers_version = strangers_version + 1")
    connection.executemany(
        "UPDATE feedback SET identity = NULL, similarity = NULL WHERE identity = ?", names
    )
    # Their pictures and staged vectors go with them.
    examples = connection.execute("DELETE FROM examples WHERE identity = ?", (identity,)).rowcount
    connection.execute("DELETE FROM identities WHERE id = ?", (identity,))
    mark(connection)
    line = audit.append(connection, action, actor, at=at, identity=name, examples=examples)
    return Erasure(name, examples, at, line)


def merged(connection: Connection) -> dict[str, str]:
    """The random ids of those whose examples all went to others, and who they are now."""
    into: dict[str, str] = {}
    for (entry,) in connection.execute(
        f"SELECT entry FROM audit WHERE {IS_MOVE} ORDER BY sequence"
    ):
        line = json.loads(entry)
        into.pop(line["identity"], None)  # who takes examples is there: again, after an undo
        into[line["source"]] = line["identity"]
    alive = _among(connection, sorted({*into, *into.values()}))
    found = {}
    for name in into.keys() - alive:
        now = name
        while now not in alive and now in into:
            now = into[now]
        found[name] = now
    return found


def _among(connection: Connection, names: Sequence[str]) -> set[str]:
    """Those of the random ids that are of somebody who is enrolled."""
    found: set[str] = set()
    for start in range(0, len(names), _NAMES):
        some = names[start : start + _NAMES]
        marks = ", ".join("?" * len(some))
        rows = connection.execute(f"SELECT uuid FROM identities WHERE uuid IN ({marks})", some)
        found.update(name for (name,) in rows)
    return found


def enrolled(connection: Connection) -> set[str]:
    """The random ids of all who are enrolled, with those of whom they were merged from."""
    alive = {row[0] for row in connection.execute("SELECT uuid FROM identities")}
    if schema_version(connection) < 2:  # without a trail
        return alive
    return alive | {name for name, now in merged(connection).items() if now in alive}


def remove_example(
    connection: Connection, example: int, identity: int, actor: str | None, at: datetime
) -> Erasure:
    """Delete one example, and its identity if it has no other, inside the caller's transaction."""
    if one(connection, "SELECT COUNT(*) FROM examples WHERE identity = ?", identity) == 1:
        return remove_identity(connection, identity, "forget", actor, at)
    name = audit.name_of(connection, identity)
    changes.seal(connection, [("identities", identity)])
    connection.execute("DELETE FROM examples WHERE id = ?", (example,))
    mark(connection)
    line = audit.append(
        connection, "forget", actor, at=at, identity=name, examples=1, example=example
    )
    return Erasure(name, 1, at, line)


def mark(connection: Connection) -> None:
    """Note, in the transaction that deletes, that there are bytes to erase."""
    connection.execute("UPDATE meta SET removals = removals + 1")


def is_due(connection: Connection) -> bool:
    """Whether bytes of something deleted may still be in the file."""
    return bool(one(connection, "SELECT removals > erased FROM meta"))


def erase(connection: Connection, *, wait: bool = True) -> None:
    """Erase the bytes of what was deleted, and note that it is done; see `Connection.erase`."""
    # Read first: a removal that comes in meanwhile must stay on the list.
    removals = one(connection, "SELECT removals FROM meta")
    connection.erase(wait)
    connection.execute("UPDATE meta SET erased = ? WHERE erased < ?", (removals, removals))
