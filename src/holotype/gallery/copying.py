"""A gallery copied row by row into another store: all of it, and compared in the end.

Each table is read and written in pages, in the order of one number. What an earlier run has
written is kept where it is still the same, so that a copy which was interrupted goes on. The row
that makes a gallery of the tables comes last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from holotype.errors import GalleryError
from holotype.gallery import opened
from holotype.gallery.connection import Connection, transaction
from holotype.gallery.file import connect, draft_for, publish
from holotype.gallery.schema import SCHEMA_VERSION, one, schema_version, upgrade
from holotype.records import OnCount

# Each table and the number of its rows; whom others point to comes first.
TABLES = {
    "identities": "id",
    "feedback": "rowid",
    "examples": "id",
    "pictures": "example",
    "strangers": "id",
    "staged": "rowid",
    "audit": "sequence",
    "changes": "line",
    "former": "rowid",
}
# What points to a row, and would keep it from being deleted.
_POINTING = {
    "identities": ("DELETE FROM examples WHERE identity = ?",),
    "feedback": tuple(
        f"DELETE FROM {table} WHERE decision = (SELECT decision FROM feedback WHERE rowid = ?)"
        for table in ("examples", "strangers")
    ),
}
_ROWS = 10_000  # in a page, which is durable before the next; a picture may have some megabytes
_FEW = {"pictures": 20}


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds."""

    identities: int
    examples: int
    strangers: int
    lines: int  # of the audit trail
    kept: int  # rows that an earlier run had written


def copy(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    actor: str | None = None,
    progress: OnCount | None = None,
) -> Copied:
    """Copy a gallery to where there is none, while others go on using it.

    It is the gallery as it was at one moment, with its audit trail, reviews, and all that can be
    undone. Every row of both is compared before the copy can be opened, so it decides the same.
    Where it was interrupted, the same call goes on.

    Args:
        source: a file or a URL.
        target: likewise.
        actor: who, for the audit trail of both.
        progress: called with the number of examples that are there, and of all.

    Raises:
        GalleryError: there is something at `target`, or one of the two cannot be had.
    """
    from holotype.gallery.place import engine_of, truth_of

    source, target = truth_of(source), truth_of(target)
    with (
        engine_of(source).existing(source) as gallery,
        engine_of(target).receiving(target) as into,
    ):
        gallery.note_copy(actor)
        with gallery.at_rest() as rows:
            return copy_rows(rows, into, progress)


def copy_rows(source: Connection, target: Connection, progress: OnCount | None = None) -> Copied:
    """Make a gallery of tables that are empty, or hold what an earlier run has written.

    Args:
        source: inside a transaction that reads one state.
        target: outside any.
        progress: as for `copy`.
    """
    if (found := schema_version(source)) < SCHEMA_VERSION:
        raise GalleryError(
            f"the gallery is of schema version {found}; a copy needs {SCHEMA_VERSION}",
            "Change something in it, which brings it to this version; then copy it",
        )
    for table in reversed(TABLES):
        _drop_other(source, target, table)
    kept = 0
    for table in TABLES:
        kept += _fill(source, target, table, progress if table == "examples" else None)
    names = _columns(source, "meta")
    (row,) = source.execute(f"SELECT {', '.join(names)} FROM meta").fetchall()
    with transaction(target, "IMMEDIATE"):
        for table in TABLES:
            target.set_counter(table, max(source.counter(table), _last(source, table)))
        target.execute("DELETE FROM meta")  # where all was written, and it got no name any more
        _insert(target, "meta", names, [row])
        _require_same(source, target)
    identities, examples, strangers, lines = (
        one(target, f"SELECT COUNT(*) FROM {table}")
        for table in ("identities", "examples", "strangers", "audit")
    )
    return Copied(identities, examples, strangers, lines, kept)


def to_file(source: Connection, target: Path) -> None:
    """Write a gallery to a new file, whole or not at all."""
    with draft_for(target) as draft:
        with closing(connect(draft, 0.0)) as receiver:
            with transaction(receiver, "IMMEDIATE"):
                upgrade(receiver)
            copy_rows(source, receiver)
        opened.distinguish(draft)
        try:
            publish(draft, target)
        except FileExistsError:
            raise taken(str(target)) from None


def taken(place: str) -> GalleryError:
    """That a copy is never written over anything."""
    return GalleryError(
        f"there is a gallery at {place!r}; a copy is never written over anything",
        "Name a place where there is none",
    )


def _pages(connection: Connection, table: str) -> Iterator[tuple[int, dict[int, tuple[Any, ...]]]]:
    """The rows by their number, page by page; and after which number each page begins."""
    size = _FEW.get(table, _ROWS)
    after = -1
    while rows := _read(connection, table, "> ? ", f"LIMIT {size}", after):
        yield after, rows
        after = max(rows)


def _read(
    connection: Connection, table: str, which: str, limit: str, *values: int
) -> dict[int, tuple[Any, ...]]:
    number, names = TABLES[table], _columns(connection, table)
    found = connection.execute(
        f"SELECT {number}, {', '.join(names)} FROM {table} WHERE {number} {which}"
        f" ORDER BY {number} {limit}",
        values,
    ).fetchall()
    if table == "former":  # a key is a number or a text in SQLite, and a text in PostgreSQL
        key = names.index("key") + 1
        found = [(*row[:key], str(row[key]), *row[key + 1 :]) for row in found]
    return {int(row[0]): row[1:] for row in found}


def _columns(connection: Connection, table: str) -> list[str]:
    return sorted(connection.columns(table))


def _between(
    connection: Connection, table: str, after: int, until: int
) -> dict[int, tuple[Any, ...]]:
    return _read(connection, table, f"> ? AND {TABLES[table]} <= ?", "", after, until)


def _drop_other(source: Connection, target: Connection, table: str) -> None:
    """Delete what an earlier run has written and is not so any more."""
    for after, rows in _pages(target, table):
        wanted = _between(source, table, after, max(rows))
        other = [(number,) for number, row in rows.items() if wanted.get(number) != row]
        if other:
            with transaction(target, "IMMEDIATE"):
                for statement in _POINTING.get(table, ()):
                    target.executemany(statement, other)
                target.executemany(f"DELETE FROM {table} WHERE {TABLES[table]} = ?", other)


def _fill(source: Connection, target: Connection, table: str, progress: OnCount | None) -> int:
    """Write what is missing; how many rows were not."""
    number, kept, done = TABLES[table], 0, 0
    total = one(source, f"SELECT COUNT(*) FROM {table}") if progress else 0
    names = _columns(source, table)
    for after, rows in _pages(source, table):
        there = _between(target, table, after, max(rows))
        kept += len(there)
        done += len(rows)
        missing = [row for at, row in rows.items() if at not in there]
        columns = names
        if number not in names:  # SQLite's own number of a row
            columns = [number, *names]
            missing = [(at, *row) for at, row in rows.items() if at not in there]
        if missing:
            with transaction(target, "IMMEDIATE"):
                _insert(target, table, columns, missing)
        if progress is not None:
            progress(done, total)
    return kept


def _insert(target: Connection, table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    target.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows
    )


def _last(connection: Connection, table: str) -> int:
    (last,) = connection.execute(f"SELECT MAX({TABLES[table]}) FROM {table}").fetchone()
    return int(last or 0)


def _require_same(source: Connection, target: Connection) -> None:
    """Compare every row of both.

    Raises:
        GalleryError: one differs.
    """
    for table in TABLES:
        pages = zip_longest(_pages(source, table), _pages(target, table))
        if any(one != other for one, other in pages):
            raise GalleryError(
                f"the copy differs from the gallery in the table {table}, and was not finished",
                "Run it again; if it ends so again, check the gallery (`holotype check`)",
            )
