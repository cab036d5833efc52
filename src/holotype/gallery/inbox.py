"""Who came by and got no match: pictures and embeddings, kept for some hours to be named.

They lie in a file of their own beside the gallery. Nobody on them was asked, so each has an end,
and the oldest give way to new ones beyond a size. Whom a picture resembles is noted by random id;
erasing that identity erases the picture, which may show it (`forget`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from holotype.gallery.beside import Beside, erasing
from holotype.stats.scoring import Floats

MAX_BYTES = 200_000_000  # of all pictures and embeddings together
_TABLES = (
    """CREATE TABLE IF NOT EXISTS inbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, visitor TEXT NOT NULL,
        at TEXT NOT NULL, until TEXT NOT NULL, model TEXT NOT NULL, identity TEXT,
        facts TEXT NOT NULL, vector BLOB NOT NULL, picture BLOB
    )""",
)
_COLUMNS = "number, id, visitor, at, until, model, identity, facts, vector, picture IS NOT NULL"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One picture that got no match."""

    id: str  # random
    visitor: str  # the same of all pictures that seem to show the same; empty: nobody looked yet
    at: datetime
    until: datetime  # when it is erased
    model: str  # the id of the model that its embedding is of
    identity: str | None  # random id of whom it resembled most; None: nobody was enrolled
    facts: dict[str, Any]  # of the decision, whom it is `nearest` now, and where it was seen
    vector: Floats = field(repr=False)  # [D] unit
    picture: bool = True  # False: none was given, or nobody wants to see more of the visitor
    number: int = 0  # ascending: the order


class Inbox(Beside):
    """The inbox of one gallery."""

    _what, _tables = "inbox", _TABLES

    def put(self, entry: Entry, picture: bytes | None, max_bytes: int = MAX_BYTES) -> None:
        """Store a picture as the last one.

        Args:
            entry: what is known of it.
            picture: its bytes, where there are any.
            max_bytes: beyond which the oldest go.
        """
        with self._changing() as connection:
            connection.execute(
                "INSERT INTO inbox (id, visitor, at, until, model, identity, facts, vector,"
                " picture) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(entry.id, entry.visitor, _text(entry.at), _text(entry.until), entry.model),
                    *(entry.identity, json.dumps(entry.facts, allow_nan=False)),
                    *(np.asarray(entry.vector, np.float32).tobytes(), picture),
                ),
            )
            connection.execute(
                "DELETE FROM inbox WHERE number IN (SELECT number FROM (SELECT number, SUM("
                "LENGTH(vector) + COALESCE(LENGTH(picture), 0)) OVER (ORDER BY number DESC) AS size"
                " FROM inbox) WHERE size > ?)",
                (max_bytes,),
            )

    def entries(self) -> tuple[Entry, ...]:
        """All of them, newest first."""
        with self._session() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM inbox ORDER BY number DESC"
            ).fetchall()
        return tuple(
            Entry(
                *(name, visitor, datetime.fromisoformat(at), datetime.fromisoformat(until)),
                *(model, identity, json.loads(facts), np.frombuffer(vector, np.float32)),
                *(bool(picture), number),
            )
            for number, name, visitor, at, until, model, identity, facts, vector, picture in rows
        )

    def picture(self, entry: str) -> bytes | None:
        """The picture of an entry, where there is one."""
        with self._session() as connection:
            row = connection.execute("SELECT picture FROM inbox WHERE id = ?", (entry,)).fetchone()
        return row[0] if row else None

    def assign(self, entry: str, visitor: str) -> None:
        """Note which visitor a picture is of."""
        with self._changing() as connection:
            connection.execute("UPDATE inbox SET visitor = ? WHERE id = ?", (visitor, entry))

    def note(self, entry: str, facts: dict[str, Any]) -> None:
        """Note another answer to the same picture."""
        with self._changing() as connection:
            connection.execute(
                "UPDATE inbox SET facts = ? WHERE id = ?",
                (json.dumps(facts, allow_nan=False), entry),
            )

    def remove(self, entries: Collection[str]) -> int:
        """Erase some; how many there were."""
        with self._changing() as connection:
            return connection.executemany(
                "DELETE FROM inbox WHERE id = ?", [(one,) for one in entries]
            ).rowcount

    def hide(self, visitor: str) -> int:
        """Erase the pictures of a visitor, who is known by the embeddings as long as they last.

        Returns:
            How many pictures there were.
        """
        with self._changing() as connection:
            return connection.execute(
                "UPDATE inbox SET picture = NULL, facts = json_set(facts, '$.hidden', json('true'))"
                " WHERE visitor = ? AND json_extract(facts, '$.hidden') IS NULL",
                (visitor,),
            ).rowcount

    def expire(self, now: datetime) -> None:
        """Erase what is there for long enough, and give the room back."""
        with self._changing() as connection:
            gone = connection.execute("DELETE FROM inbox WHERE until <= ?", (_text(now),)).rowcount
        if gone:
            with self._session() as connection:
                connection.execute("VACUUM")


def forget(path: Path, enrolled: Iterable[str]) -> None:
    """Erase the pictures that resemble somebody who is not enrolled any more.

    Args:
        path: the file that holds them; nothing happens where there is none.
        enrolled: the random ids of those who are.

    Raises:
        sqlite3.Error: the bytes could not be erased now.
    """
    if path.exists():
        with erasing(path) as connection:
            alive = json.dumps(sorted(enrolled))
            for one in ("identity", "json_extract(facts, '$.nearest')"):
                connection.execute(
                    f"DELETE FROM inbox WHERE {one} IS NOT NULL AND {one} NOT IN"
                    " (SELECT value FROM json_each(?))",
                    (alive,),
                )


def clear(path: Path) -> None:
    """Erase all that an earlier server kept; nothing happens where there is no file.

    Raises:
        sqlite3.Error: the bytes could not be erased now.
    """
    if path.exists():
        with erasing(path) as connection:
            connection.execute("DELETE FROM inbox")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
