"""What happened, as events: durable, in one order for each gallery, kept for some hours.

They lie in a file of their own beside the gallery. What changes the gallery is told by its audit
trail, which has it in the transaction of the change, whichever process made it; `follow` copies
what is new there, and its place in the trail with it. So nothing is told twice or lost, whatever
dies in between. What changes nothing, such as an answer or a camera that breaks off, is added here.

An event names an identity by its random id, as the trail does; a label is looked up when it is
told. Erasing an identity erases its events (`forget`).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from holotype.gallery import audit
from holotype.gallery.beside import Beside, erasing
from holotype.gallery.records import AuditEntry

if TYPE_CHECKING:
    from holotype.gallery.rows import Gallery

Kind = Literal[
    "identified",
    "unknown",
    "cannot_tell",
    "enrolled",
    "forgotten",
    "corrected",
    "reviewed",
    "changed",
    "replaced",
    "camera_lost",
    "camera_back",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
_KIND_OF: dict[str, Kind] = {
    "enroll": "enrolled",
    "forget": "forgotten",
    "expire": "forgotten",
    "rename": "corrected",
    "merge": "corrected",
    "move": "corrected",
    "describe": "corrected",
    "undo": "corrected",
    "feedback": "reviewed",
    "stranger": "reviewed",
}  # of an action in the trail; else `changed`
# After these somebody may be enrolled no more, or not under that name.
_LEAVING = frozenset(("forget", "expire", "rename", "merge", "move", "undo"))
_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})")
_TABLES = (
    # The name tells this file from one that lay here before: its numbers are no others'.
    """CREATE TABLE IF NOT EXISTS file (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1), name TEXT NOT NULL,
        line INTEGER, hash TEXT
    )""",
    # AUTOINCREMENT: a number is never used twice.
    """CREATE TABLE IF NOT EXISTS events (
        number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,
        identity TEXT, facts TEXT NOT NULL, picture BLOB
    )""",
    "CREATE TABLE IF NOT EXISTS readers (name TEXT PRIMARY KEY, number INTEGER NOT NULL)",
)
_INSERT = "INSERT INTO events (at, kind, identity, facts, picture) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    number: int  # ascending: the order
    id: str  # of this event alone, also where the file was made anew
    at: datetime
    kind: Kind
    identity: str | None  # random id of whom it is about
    facts: dict[str, Any]
    picture: bool  # whether one is kept


class Events(Beside):
    """The events of one gallery."""

    _what, _tables = "events", _TABLES

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._changing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO file (only_row, name) VALUES (1, ?)", (secrets.token_hex(4),)
            )
            (self.name,) = connection.execute("SELECT name FROM file").fetchone()

    def add(
        self,
        kind: Kind,
        facts: dict[str, Any],
        identity: str | None = None,
        picture: bytes | None = None,
    ) -> None:
        """Store an event; it is durable when this returns."""
        self.add_all([(kind, facts, identity, picture)])

    def add_all(
        self, events: Sequence[tuple[Kind, dict[str, Any], str | None, bytes | None]]
    ) -> None:
        """Store several in one change: kind, facts, identity and picture of each."""
        at = audit.now()
        with self._changing() as connection:
            for kind, facts, identity, picture in events:
                connection.execute(_INSERT, _row(at, kind, identity, facts, picture))

    def follow(self, gallery: Gallery) -> None:
        """Make events of what is new in the audit trail; of all before the first call, none.

        Raises:
            GalleryError: the gallery cannot be read, or the events of who was erased not be erased.
        """
        with self._session() as connection:
            line, hash_ = connection.execute("SELECT line, hash FROM file").fetchone()
        last, *new = gallery.audit((line or 1) - 1) or (None,)
        if line is not None and last is not None and last.hash == hash_ and not new:
            return
        replaced = line is not None and (last is None or last.hash != hash_)
        if replaced or line is None:
            last, new = next(reversed(gallery.audit()), None), []
        if not _LEAVING.isdisjoint(entry.action for entry in new):
            gallery.erase_events()  # another machine, which cannot reach them, may have erased
        end = new[-1] if new else last
        with self._changing() as connection:
            now = connection.execute("SELECT line, hash FROM file").fetchone()
            if now != (line, hash_):
                return  # another process was first
            for entry in new:
                connection.execute(_INSERT, _told(entry))
            if replaced:
                connection.execute(_INSERT, _row(audit.now(), "replaced", None, {}))
            connection.execute(
                "UPDATE file SET line = ?, hash = ?", (end.sequence, end.hash) if end else (0, "")
            )

    def after(self, number: int, limit: int) -> tuple[Event, ...]:
        """The next events after one, oldest first."""
        return self._read("number > ? ORDER BY number LIMIT ?", number, limit)

    def latest(self, limit: int) -> tuple[Event, ...]:
        """The last events, oldest first."""
        return self._read("number > 0 ORDER BY number DESC LIMIT ?", limit)[::-1]

    def _read(self, which: str, *values: object) -> tuple[Event, ...]:
        with self._session() as connection:
            rows = connection.execute(
                "SELECT number, at, kind, identity, facts, picture IS NOT NULL FROM events"
                f" WHERE {which}",
                values,
            ).fetchall()
        return tuple(
            Event(
                number,
                self.id_of(number),
                datetime.fromisoformat(at),
                kind,
                identity,
                json.loads(facts),
                bool(picture),
            )
            for number, at, kind, identity, facts, picture in rows
        )

    def last(self) -> int:
        """The number of the last event that there ever was; 0: none yet."""
        with self._session() as connection:
            row = connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
            ).fetchone()
        return int(row[0]) if row else 0

    def id_of(self, number: int) -> str:
        """The id of the event with this number."""
        return f"{self.name}-{number}"

    def number_of(self, event: str) -> int | None:
        """The number of the event with this id; 0 for one of another file, None for no id."""
        found = _ID.fullmatch(event)
        if found is None:
            return None
        return int(found[2]) if found[1] == self.name else 0

    def picture(self, number: int) -> bytes | None:
        """The picture of an event, where one is kept."""
        with self._session() as connection:
            row = connection.execute(
                "SELECT picture FROM events WHERE number = ?", (number,)
            ).fetchone()
        return row[0] if row else None

    def reached(self, reader: str) -> int:
        """The last event that a reader has; one that is new begins with what comes next."""
        number = self.last()
        with self._changing() as connection:
            connection.execute("INSERT OR IGNORE INTO readers VALUES (?, ?)", (reader, number))
            (found,) = connection.execute(
                "SELECT number FROM readers WHERE name = ?", (reader,)
            ).fetchone()
        return int(found)

    def reach(self, reader: str, number: int) -> None:
        """Note that a reader has all up to an event."""
        with self._changing() as connection:
            connection.execute("INSERT OR REPLACE INTO readers VALUES (?, ?)", (reader, number))

    def leave(self, reader: str) -> None:
        """Forget a reader."""
        with self._changing() as connection:
            connection.execute("DELETE FROM readers WHERE name = ?", (reader,))

    def expire(self, before: datetime, pictures_before: datetime) -> tuple[int, ...]:
        """Erase what is older than it may be; returns the numbers of the events that are gone."""
        with self._changing() as connection:
            gone = connection.execute(
                "DELETE FROM events WHERE at < ? RETURNING number", (before.isoformat(),)
            ).fetchall()
            stripped = connection.execute(
                "UPDATE events SET picture = NULL WHERE picture IS NOT NULL AND at < ?",
                (pictures_before.isoformat(),),
            ).rowcount
        if gone or stripped:
            with self._session() as connection:
                connection.execute("VACUUM")
        return tuple(number for (number,) in gone)


def forget(path: Path, enrolled: Iterable[str]) -> None:
    """Erase the events about all who are not enrolled any more.

    That somebody was erased stays, as it does in the audit trail. Of an answer that named nobody it
    stays that it was given, without whom it resembled.

    Args:
        path: the file that holds them; nothing happens where there is none.
        enrolled: the random ids of those whose events stay.

    Raises:
        sqlite3.Error: the bytes could not be erased now.
    """
    if not path.exists():
        return
    gone = "identity IS NOT NULL AND identity NOT IN (SELECT value FROM json_each(?))"
    alive = (json.dumps(sorted(enrolled)),)
    with erasing(path) as connection:
        connection.execute(
            "UPDATE events SET identity = NULL, facts = json_remove(facts, '$.decision',"
            f" '$.similarity') WHERE kind IN ('unknown', 'cannot_tell') AND {gone}",
            alive,
        )
        connection.execute(f"DELETE FROM events WHERE kind != 'forgotten' AND {gone}", alive)


def _told(entry: AuditEntry) -> tuple[object, ...]:
    facts: dict[str, Any] = {
        "action": entry.action,
        "actor": entry.actor,
        "line": entry.sequence,
    }
    facts |= {name: entry.facts[name] for name in ("examples", "example") if name in entry.facts}
    return _row(entry.at, _KIND_OF.get(entry.action, "changed"), entry.identity, facts)


def _row(
    at: datetime,
    kind: Kind,
    identity: str | None,
    facts: dict[str, Any],
    picture: bytes | None = None,
) -> tuple[object, ...]:
    return (
        at.isoformat(timespec="milliseconds"),
        kind,
        identity,
        json.dumps(facts, allow_nan=False),
        picture,
    )
