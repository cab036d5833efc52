"""What an undo needs: of each change, the rows that it touched, as they were before.

A change is known by the number of its first line in the audit trail (`line`), and may have more
(`until`). Before a row is changed, `keep` copies what a correction can change of it into `former`,
in the same transaction; of a row that is new, `added` notes that there was none. Vectors and
pictures are never copied: no change but an erasure takes them away. Rows of the place "labels"
only say which labels a change gave or took.

Changes are undone the last one first. An erasure cannot be undone, and `seal` drops every earlier
change that touched the same rows, and those that touched rows of these: what is left touches no
row that a dropped one touched later, so it can be undone whole, whatever was erased in between.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from holotype.errors import GalleryError
from holotype.gallery import audit
from holotype.gallery.connection import Connection
from holotype.gallery.records import AuditEntry, Undo
from holotype.gallery.schema import one, schema_version

MAX_CHANGES = 100  # that can be undone; what older ones kept of earlier labels goes
_KEPT = {
    "identities": (
        "id",
        ("uuid", "label", "created", "consent", "retain_until", "tags", "metadata", "quiet"),
    ),
    "examples": ("id", ("identity",)),
    "meta": ("only_row", ("keep_pictures",)),
}
_NAMED = ("labels", "strangers", "feedback")  # places where a key is text
_ERASURES = ("forget", "expire", "uncalibrate", "reembed")
_OTHERS = (
    *("enroll", "import", "rename", "merge", "move", "describe"),
    *("calibrate", "feedback", "stranger", "pictures"),
)


def begin(connection: Connection) -> None:
    """Start a change, inside the caller's transaction."""
    connection.execute("INSERT INTO changes SELECT audit_count + 1, audit_count + 1 FROM meta")


def finish(connection: Connection) -> None:
    """End a change; one that touched nothing that could be put back is none."""
    line = _present(connection)
    if connection.execute("SELECT 1 FROM former WHERE line = ?", (line,)).fetchone() is None:
        connection.execute("DELETE FROM changes WHERE line = ?", (line,))
        return
    connection.execute(
        "UPDATE changes SET until = (SELECT audit_count FROM meta) WHERE line = ?", (line,)
    )
    connection.execute(
        "DELETE FROM changes WHERE line <="
        " (SELECT line FROM changes ORDER BY line DESC LIMIT 1 OFFSET ?)",
        (MAX_CHANGES,),
    )


def _present(connection: Connection) -> int:
    return one(connection, "SELECT MAX(line) FROM changes")


def keep(connection: Connection, place: str, key: int) -> None:
    """Copy a row before it is changed or deleted."""
    content = _content(connection, place, key)
    if place == "identities":
        touch_label(connection, content["label"])
    _note(connection, place, [key], json.dumps(content))


def added(connection: Connection, place: str, *keys: object) -> None:
    """Note rows that were not there before."""
    _note(connection, place, keys, None)


def touch_label(connection: Connection, label: str) -> None:
    """Note a label that somebody gets or loses."""
    _note(connection, "labels", [label], None)


def _note(connection: Connection, place: str, keys: Sequence[object], content: str | None) -> None:
    # What a row was before the first touch is what it was before the change.
    connection.executemany(
        "INSERT INTO former (line, place, key, content) SELECT MAX(line), ?, ?, ? FROM changes"
        " WHERE TRUE ON CONFLICT DO NOTHING",
        [(place, key, content) for key in keys],
    )


def _content(connection: Connection, place: str, key: int) -> dict[str, Any]:
    name, columns = _KEPT[place]
    row = connection.execute(
        f"SELECT {', '.join(columns)} FROM {place} WHERE {name} = ?", (key,)
    ).fetchone()
    return dict(zip(columns, row, strict=True))


def seal(connection: Connection, rows: Iterable[tuple[str, object]]) -> None:
    """Drop what can no longer be undone, since these rows are erased."""
    for place, key in rows:
        _note(connection, place, [key], None)
    present = _present(connection)
    lines = connection.execute(
        "WITH RECURSIVE dropped (line) AS (SELECT MAX(line) FROM changes UNION"
        " SELECT earlier.line FROM dropped JOIN former AS later ON later.line = dropped.line"
        " JOIN former AS earlier ON earlier.place = later.place AND earlier.key = later.key"
        " AND earlier.line < later.line)"
        " SELECT line FROM dropped WHERE line < ?",
        (present,),
    ).fetchall()
    connection.executemany("DELETE FROM changes WHERE line = ?", lines)
    connection.execute("DELETE FROM former WHERE line = ?", (present,))  # `finish` ends it


# -- undoing ------------------------------------------------------------------------------------


def last(connection: Connection) -> Undo:
    """What the next undo does, as the rows are now.

    Raises:
        GalleryError: there is nothing that can be undone; names the erasures.
    """
    line = None
    if schema_version(connection) >= 3:
        (line,) = connection.execute("SELECT MAX(line) FROM former").fetchone()
    lines = tuple(audit.entries(connection, line or 1))
    if line is None:
        raise _nothing([e for e in lines if e.action in _ERASURES or _erases(e)])
    (until,) = connection.execute("SELECT until FROM changes WHERE line = ?", (line,)).fetchone()
    entry = next(e for e in lines if e.sequence == line)
    return replace(
        _effect(connection, line),
        line=line,
        until=until,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        final=_final(lines, until),
    )


def _nothing(erasures: list[AuditEntry]) -> GalleryError:
    if not erasures:
        return GalleryError(
            "there is no change left that could be undone", "Correct by hand what is wrong"
        )
    latest = erasures[-1]
    return GalleryError(
        f"nothing can be undone: {latest.action} (line {latest.sequence} of the audit trail) was "
        "an erasure, which is final, as is what was done before to whom it concerned",
        "Enroll anew what was erased, or restore a backup",
    )


def _erases(entry: AuditEntry) -> bool:
    return entry.action == "pictures" and bool(entry.facts["deleted"])


def _final(lines: tuple[AuditEntry, ...], until: int) -> tuple[AuditEntry, ...]:
    """What was done after a change and cannot be undone."""
    found: dict[int, AuditEntry] = {}
    for entry in lines:
        facts = entry.facts
        if entry.sequence <= until:
            continue
        if entry.action == "undo":
            for sequence, other in tuple(found.items()):
                back = facts.get("undone", 0) <= sequence <= facts.get("until", -1)
                if back or other.facts.get("decision", "") == facts.get("decision"):
                    del found[sequence]
        elif entry.action in _ERASURES or entry.action in _OTHERS:
            found[entry.sequence] = entry
    return tuple(found.values())


def _effect(connection: Connection, line: int) -> Undo:
    renamed, back, gone, described = [], [], [], []
    erased: Counter[str] = Counter()
    moved: Counter[tuple[str, str]] = Counter()
    strangers = reviews = 0
    keeps: bool | None = None
    rows = _rows(connection, line)
    former = {key: c["label"] for place, key, c in rows if place == "identities" and c}

    @cache
    def label(key: int) -> str | None:
        row = connection.execute("SELECT label FROM identities WHERE id = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    for place, key, content in rows:
        match place:
            case "identities" if content is None:
                gone.append(str(label(key)))
            case "identities" if label(key) is None:
                back.append(content["label"])
            case "identities":
                now = _content(connection, "identities", key)
                if now["label"] != content["label"]:
                    renamed.append((str(now["label"]), str(content["label"])))
                if now | {"label": ""} != content | {"label": ""}:
                    described.append(content["label"])
            case "examples":
                now = _content(connection, "examples", key)
                if content is None:
                    erased[str(label(now["identity"]))] += 1
                elif now != content:
                    then = former.get(content["identity"]) or label(content["identity"])
                    moved[str(label(now["identity"])), str(then)] += 1
            case "strangers":
                strangers += one(connection, "SELECT COUNT(*) FROM strangers WHERE batch = ?", key)
            case "feedback":
                reviews += 1
            case "meta":
                keeps = bool(content["keep_pictures"])
    return Undo(
        renamed=tuple(renamed),
        back=tuple(back),
        gone=tuple(gone),
        described=tuple(described),
        moved=tuple((old, new, count) for (old, new), count in moved.items()),
        erased=tuple(erased.items()),
        strangers=strangers,
        reviews=reviews,
        keep_pictures=keeps,
    )


def _rows(connection: Connection, line: int) -> list[tuple[str, Any, Any]]:
    """The place, the key and the former content of each row that a change touched."""
    found = [
        # PostgreSQL gives a number back as text.
        (place, key if place in _NAMED else int(key), content and json.loads(content))
        for place, key, content in connection.execute(
            "SELECT place, key, content FROM former WHERE line = ?", (line,)
        )
    ]
    return sorted(found, key=lambda row: row[:2])


def undo(connection: Connection, actor: str | None) -> tuple[Undo, bool]:
    """Put the rows of the last change back, inside the caller's transaction.

    Returns:
        What was done, and whether there are bytes to erase.
    """
    done = last(connection)
    rows = _rows(connection, done.line)
    # First whom examples return to, last whom nothing points to any more.
    for place in ("identities", "examples", "meta"):
        name, columns = _KEPT[place]
        for _, key, content in (row for row in rows if row[0] == place and row[2] is not None):
            values = [content[column] for column in columns]
            there = connection.execute(
                f"UPDATE {place} SET {', '.join(f'{c} = ?' for c in columns)} WHERE {name} = ?",
                (*values, key),
            ).rowcount
            if not there:
                connection.execute(
                    f"INSERT INTO {place} ({name}, {', '.join(columns)})"
                    f" VALUES (?{', ?' * len(columns)})",
                    (key, *values),
                )
    deleted = 0
    for place, name in (
        ("examples", "id"),
        ("strangers", "batch"),
        ("feedback", "decision"),
        ("identities", "id"),
    ):
        keys = [(key,) for where, key, content in rows if where == place and content is None]
        if keys:
            statement = f"DELETE FROM {place} WHERE {name} = ?"
            deleted += connection.executemany(statement, keys).rowcount
    if done.strangers:
        connection.execute("UPDATE meta SET strangers_version = strangers_version + 1")
    connection.execute("UPDATE meta SET corrections = corrections + 1")
    connection.execute("DELETE FROM changes WHERE line = ?", (done.line,))
    audit.append(
        connection,
        "undo",
        actor,
        undone=done.line,
        until=done.until,
        change=done.action,
        moved=sum(count for *_, count in done.moved),
        erased=sum(count for _, count in done.erased),
        strangers=done.strangers,
    )
    return done, bool(deleted)
