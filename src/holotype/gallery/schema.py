"""The tables of a gallery file, and the numbered steps that lead to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

APPLICATION_ID = 0x484F4C4F  # "HOLO": marks the file as a gallery, in bytes 68..71 of its header

# Step i brings the file from schema version i to i + 1 (`user_version`, bytes 60..63).
#
# `removals` counts the removals, and tells a reader that appending to what it has read is not
# enough. `erased` is the value of `removals` up to which the bytes are known to be gone.
# AUTOINCREMENT: ids are never used twice, so a greater id is a later row.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE meta (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            model_id TEXT NOT NULL,
            model_name TEXT NOT NULL,
            embedding_dim INTEGER NOT NULL,
            removals INTEGER NOT NULL DEFAULT 0,
            erased INTEGER NOT NULL DEFAULT 0
        )""",
        """CREATE TABLE identities (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            uuid TEXT NOT NULL,
            label TEXT NOT NULL UNIQUE,
            created TEXT NOT NULL
        )""",
        """CREATE TABLE examples (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            identity INTEGER NOT NULL REFERENCES identities (id),
            vector BLOB NOT NULL,
            created TEXT NOT NULL
        )""",
        "CREATE INDEX examples_by_identity ON examples (identity)",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)


@dataclass(frozen=True, slots=True)
class Binding:
    """The model that a gallery belongs to."""

    model_id: str
    model_name: str
    embedding_dim: int  # D


@contextmanager
def transaction(
    connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"]
) -> Iterator[None]:
    """Everything inside happens, or nothing. IMMEDIATE takes the write lock at once."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite has rolled back by itself; the first error is the one to tell.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the file's tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an older (or empty) file to the present schema, in one transaction."""
    if schema_version(connection) >= SCHEMA_VERSION:
        return
    with transaction(connection, "IMMEDIATE"):
        # Read again under the lock: another process may have been faster.
        for step in MIGRATIONS[schema_version(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def bind(connection: sqlite3.Connection, binding: Binding) -> None:
    """Write which model the new gallery belongs to."""
    connection.execute(
        "INSERT INTO meta (only_row, model_id, model_name, embedding_dim) VALUES (1, ?, ?, ?)",
        (binding.model_id, binding.model_name, binding.embedding_dim),
    )


def read_binding(connection: sqlite3.Connection) -> Binding:
    """Which model the gallery belongs to."""
    row = connection.execute("SELECT model_id, model_name, embedding_dim FROM meta").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("the row that names the model is missing")
    return Binding(str(row[0]), str(row[1]), int(row[2]))
