"""The tables of a gallery, and the numbered steps that lead to them."""

from __future__ import annotations

from dataclasses import dataclass

from holotype.gallery.connection import Connection, DamagedError

APPLICATION_ID = 0x484F4C4F  # "HOLO": marks the file as a gallery, in bytes 68..71 of its header

# Step i brings a gallery from schema version i to i + 1; in a file that is `user_version`, bytes
# 60..63. The types are those of SQLite; `gallery.postgres_connection` says what they are there.
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
# JSON. `strangers.decision` is the review that turned them away. `examples.description` is the text
# that a vector stands for, where no picture was shown.
# `IS_MOVE` is of the audit lines that give examples to another identity. An index is used where it
# is asked for word for word.
IS_MOVE = """entry LIKE '%"action":"merge"%' OR entry LIKE '%"action":"move"%'"""
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
    ("ALTER TABLE examples ADD COLUMN description TEXT",),
    # So that a change costs what it touches, however many are enrolled and however long the trail.
    (
        "CREATE INDEX identities_by_uuid ON identities (uuid)",
        "CREATE INDEX identities_by_day ON identities (retain_until)"
        " WHERE retain_until IS NOT NULL",
        "CREATE INDEX former_by_row ON former (place, key)",
        f"CREATE INDEX audit_moves ON audit (sequence) WHERE {IS_MOVE}",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)


@dataclass(frozen=True, slots=True)
class Binding:
    """The model that a gallery belongs to."""

    model_id: str
    model_name: str
    embedding_dim: int  # D


def schema_version(connection: Connection) -> int:
    """The version of the gallery's tables."""
    return connection.schema_version()


def upgrade(connection: Connection) -> int:
    """Bring the tables to the present schema, inside the caller's transaction.

    Returns:
        The schema version that was found; 0 where there were no tables.
    """
    found = schema_version(connection)
    if found < SCHEMA_VERSION:
        for step in MIGRATIONS[found:]:
            for statement in step:
                if found or not statement.startswith("UPDATE"):  # of nothing, at the beginning
                    connection.execute(statement)
        connection.set_schema_version(SCHEMA_VERSION)
    return found


def bind(connection: Connection, binding: Binding) -> None:
    """Write which model the new gallery belongs to."""
    connection.execute(
        "INSERT INTO meta (only_row, model_id, model_name, embedding_dim) VALUES (1, ?, ?, ?)",
        (binding.model_id, binding.model_name, binding.embedding_dim),
    )


def one(connection: Connection, statement: str, *values: object) -> int:
    """The first number of a statement's first row."""
    return int(connection.execute(statement, values).fetchone()[0])


def read_binding(connection: Connection) -> Binding:
    """Which model the gallery belongs to."""
    row = connection.execute("SELECT model_id, model_name, embedding_dim FROM meta").fetchone()
    if row is None:
        raise DamagedError("the row that names the model is missing")
    return Binding(str(row[0]), str(row[1]), int(row[2]))
