"""Erasing: rows go in a transaction, their bytes by rewriting the file."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from holotype.gallery import audit, changes
from holotype.gallery.records import Erasure
from holotype.gallery.schema import one, schema_version


def remove_identity(
    connection: sqlite3.Connection, identity: int, action: str, actor: str | None, at: datetime
) -> Erasure:
    """Delete an identity with all that hangs on it, inside the caller's transaction.

    Of the reviews the counts stay; strangers that were mistaken for the identity go with it.
    """
    (name,) = connection.execute("SELECT uuid FROM identities WHERE id = ?", (identity,)).fetchone()
    names = [(one_of,) for one_of in _names(connection, name)]
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


def _names(connection: sqlite3.Connection, name: str) -> list[str]:
    """The random ids of an identity: its own, and those of whom it was merged from."""
    alive = {row[0] for row in connection.execute("SELECT uuid FROM identities")}
    merges = _merges(connection)
    found = [name]
    for one_of in found:  # which grows meanwhile
        found += [
            source
            for source, target in merges
            if target == one_of and source not in {*alive, *found}
        ]
    return found


def enrolled(connection: sqlite3.Connection) -> set[str]:
    """The random ids of all who are enrolled, with those of whom they were merged from."""
    found = {row[0] for row in connection.execute("SELECT uuid FROM identities")}
    for source, target in reversed(_merges(connection)):
        if target in found:
            found.add(source)
    return found


def _merges(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Whose examples went to whom, by their random ids, in order."""
    if schema_version(connection) < 2:
        return []
    lines = connection.execute(
        """SELECT entry FROM audit WHERE entry LIKE '%"action":"merge"%' ORDER BY sequence"""
    )
    merges = [json.loads(entry) for (entry,) in lines]
    return [(line["source"], line["identity"]) for line in merges]


def remove_example(
    connection: sqlite3.Connection, example: int, identity: int, actor: str | None, at: datetime
) -> Erasure:
    """Delete one example, and its identity if it has no other, inside the caller's transaction."""
    if one(connection, "SELECT COUNT(*) FROM examples WHERE identity = ?", identity) == 1:
        return remove_identity(connection, identity, "forget", actor, at)
    (name,) = connection.execute("SELECT uuid FROM identities WHERE id = ?", (identity,)).fetchone()
    changes.seal(connection, [("identities", identity)])
    connection.execute("DELETE FROM examples WHERE id = ?", (example,))
    mark(connection)
    line = audit.append(
        connection, "forget", actor, at=at, identity=name, examples=1, example=example
    )
    return Erasure(name, 1, at, line)


def mark(connection: sqlite3.Connection) -> None:
    """Note, in the transaction that deletes, that there are bytes to erase."""
    connection.execute("UPDATE meta SET removals = removals + 1")


def is_due(connection: sqlite3.Connection) -> bool:
    """Whether bytes of something deleted may still be in the file."""
    return bool(one(connection, "SELECT removals > erased FROM meta"))


def erase(connection: sqlite3.Connection) -> None:
    """Rewrite the file from what is alive, and note that it is done.

    The whole file, because when SQLite balances its pages it leaves copies of rows in the gaps,
    which `secure_delete` does not reach once the row itself is deleted.

    Raises:
        sqlite3.Error: another process reads an older state, or there is no room.
    """
    # Read first: a removal that comes in meanwhile must stay on the list.
    removals = one(connection, "SELECT removals FROM meta")
    connection.execute("VACUUM")
    connection.execute("UPDATE meta SET erased = MAX(erased, ?)", (removals,))
