"""The tables of a gallery file, and the numbered steps that lead to them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

APPLICATION_ID = 0x484F4C4F  # "HOLO": marks the file as a gallery, in bytes 68..71 of its header

# Step i brings the file from schema version i to i + 1 (`user_version`, bytes 60..63).
#
# `removals` counts the removals, and tells a reader that appending to what it has read is not
# enough. `erased` is the value of `removals` up to which the bytes are known to be gone.
# AUTOINCREMENT: ids are never used twice, so a greater id is a later row.
#
# `crc32` is a function that `connect` adds. `audit_count` and `audit_head` are the number of audit
# lines and the hash of the last. `staged` holds the vectors of a model that is not yet bound.
#
# `corrections` counts what changes rows that are there, and tells a reader to look at them again.
# `changes` and `former` are what an undo needs, see `gallery.changes`. `tags` and `metadata` are
# JSON. `strangers.decision` is the review that turned them away.
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
    (
        "ALTER TABLE meta ADD COLUMN signing_key BLOB",
        "ALTER TABLE meta ADD COLUMN keep_pictures INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE meta ADD COLUMN strangers_version INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE meta ADD COLUMN audit_count INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE meta ADD COLUMN audit_head TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE identities ADD COLUMN consent TEXT",
        "ALTER TABLE identities ADD COLUMN retain_until TEXT",
        """CREATE TABLE feedback (
            decision TEXT PRIMARY KEY,
            decided TEXT NOT NULL,
            given TEXT NOT NULL,
            correct INTEGER NOT NULL,
            answer TEXT NOT NULL,
            identity TEXT,
            similarity REAL,
            threshold REAL,
            rate_kind TEXT NOT NULL,
            rate REAL NOT NULL
        )""",
        "ALTER TABLE examples ADD COLUMN checksum INTEGER",
        "ALTER TABLE examples ADD COLUMN decision TEXT REFERENCES feedback (decision)",
        "UPDATE examples SET checksum = crc32(vector)",
        "CREATE INDEX examples_by_decision ON examples (decision) WHERE decision IS NOT NULL",
        """CREATE TABLE pictures (
            example INTEGER PRIMARY KEY REFERENCES examples (id) ON DELETE CASCADE,
            picture BLOB NOT NULL,
            checksum INTEGER NOT NULL
        )""",
        """CREATE TABLE strangers (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            batch TEXT NOT NULL,
            class_index INTEGER NOT NULL,
            vector BLOB NOT NULL,
            checksum INTEGER NOT NULL,
            created TEXT NOT NULL
        )""",
        """CREATE TABLE staged (
            example INTEGER NOT NULL REFERENCES examples (id) ON DELETE CASCADE,
            model_id TEXT NOT NULL,
            vector BLOB NOT NULL,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (example, model_id)
        )""",
        """CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY,
            entry TEXT NOT NULL,
            hash TEXT NOT NULL
        )""",
    ),
    (
        "ALTER TABLE meta ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE identities ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE identities ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}'",
        "ALTER TABLE identities ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE strangers ADD COLUMN decision TEXT REFERENCES feedback (decision)",
        """CREATE TABLE changes (
            line INTEGER PRIMARY KEY,
            until INTEGER NOT NULL
        )""",
        """CREATE TABLE former (
            line INTEGER NOT NULL REFERENCES changes (line) ON DELETE CASCADE,
            place TEXT NOT NULL,
            key NOT NULL,
            content TEXT,
            PRIMARY KEY (line, place, key)
        )""",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)
_LOOK_S = 0.001  # between two tries to get the write lock


@dataclass(frozen=True, slots=True)
class Binding:
    """The model that a gallery belongs to."""

    model_id: str
    model_name: str
    embedding_dim: int  # D


@contextmanager
def transaction(
    connection: sqlite3.Connection,
    kind: Literal["DEFERRED", "IMMEDIATE"],
    ready: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Everything inside happens, or nothing. IMMEDIATE takes the write lock, DEFERRED reads alone.

    `ready` is asked before each try to take a lock, and may refuse.
    """
    _begin(connection, kind, ready)
    try:
        yield
        # Nothing is to be kept of what was read, and of a damaged file a COMMIT would fail.
        connection.execute("COMMIT" if kind == "IMMEDIATE" else "ROLLBACK")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    # After a full disk SQLite has rolled back by itself; the first error is the one to tell.
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _begin(connection: sqlite3.Connection, kind: str, ready: Callable[[], None] | None) -> None:
    """Take a lock, looking often: SQLite itself looks ever more rarely, and would never get its
    turn where others write without a pause.
    """
    wait_s = one(connection, "PRAGMA busy_timeout") / 1000
    until = time.monotonic() + wait_s
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            if ready is not None:
                ready()
            try:
                connection.execute(f"BEGIN {kind}")
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # locks for reading
                return
            except sqlite3.DatabaseError as error:
                _roll_back(connection)
                busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > until:
                    raise
            time.sleep(_LOOK_S)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * wait_s)}")


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the file's tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def upgrade(connection: sqlite3.Connection) -> int:
    """Bring the tables to the present schema, inside the caller's transaction.

    Returns:
        The schema version that was found; 0 for an empty file.
    """
    found = schema_version(connection)
    if found < SCHEMA_VERSION:
        for step in MIGRATIONS[found:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return found


def bind(connection: sqlite3.Connection, binding: Binding) -> None:
    """Write which model the new gallery belongs to."""
    connection.execute(
        "INSERT INTO meta (only_row, model_id, model_name, embedding_dim) VALUES (1, ?, ?, ?)",
        (binding.model_id, binding.model_name, binding.embedding_dim),
    )


def one(connection: sqlite3.Connection, statement: str, *values: object) -> int:
    """The first number of a statement's first row."""
    return int(connection.execute(statement, values).fetchone()[0])


def read_binding(connection: sqlite3.Connection) -> Binding:
    """Which model the gallery belongs to."""
    row = connection.execute("SELECT model_id, model_name, embedding_dim FROM meta").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("the row that names the model is missing")
    return Binding(str(row[0]), str(row[1]), int(row[2]))
