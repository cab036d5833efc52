"""What is wrong in a gallery, put right: a label, two identities that are one, an example.

Every function works inside the caller's transaction, keeps what an undo needs, and says what it
changes; see `gallery.correcting` for the callers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from holotype.errors import GalleryError, LabelError
from holotype.gallery import audit, changes, enrolled_rows
from holotype.gallery.connection import Connection
from holotype.gallery.labels import check_label, check_tags, shown
from holotype.gallery.records import Correction, ExampleRecord
from holotype.gallery.schema import one, schema_version

MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_LEVELS = 50  # whoever reads it can, however deep a call it is made in


def examples(connection: Connection, label: str | None) -> tuple[ExampleRecord, ...]:
    """The facts about each example, of one label or of all, identity by identity."""
    version = schema_version(connection)
    kept = "examples.id IN (SELECT example FROM pictures), decision" if version >= 2 else "0, NULL"
    words = "description" if version >= 4 else "NULL"
    return tuple(
        ExampleRecord(number, owner, datetime.fromisoformat(created), bool(picture), *rest)
        for number, owner, created, picture, *rest in connection.execute(
            f"SELECT examples.id, label, examples.created, {kept}, {words} FROM examples"
            " JOIN identities"
            " ON identities.id = examples.identity WHERE CAST(? AS TEXT) IS NULL OR label = ?"
            " ORDER BY identities.id, examples.id",
            (label, label),
        )
    )


def rename(
    connection: Connection, label: str, new: str, place: str, actor: str | None
) -> Correction:
    """Give an identity another label that nobody has."""
    label, new = check_label(label), check_label(new)
    identity = enrolled_rows.find(connection, label, place)
    there = enrolled_rows.other_form(connection, new)
    if there == identity:
        raise LabelError(f"{shown(new)} is called so already", "Name another label")
    if there is not None:
        raise LabelError(
            f"{shown(new)} is enrolled, and two identities cannot have one label",
            f"If {shown(label)} and {shown(new)} are one, use merge",
        )
    changes.keep(connection, "identities", identity)
    changes.touch_label(connection, new)
    connection.execute("UPDATE identities SET label = ? WHERE id = ?", (new, identity))
    audit.append(connection, "rename", actor, identity=audit.name_of(connection, identity))
    enrolled_rows.corrected(connection)
    count = _count(connection, identity)
    return Correction("rename", label, new, count, 0, count, True, _until(connection, identity))


def merge(
    connection: Connection, label: str, into: str, place: str, actor: str | None
) -> Correction:
    """Give all examples of an identity to another, which is the same one.

    The tags are of both then, and the earlier last day holds. Consent and metadata of the one that
    goes stay only where the other has none.
    """
    label, into = check_label(label), check_label(into)
    source = enrolled_rows.find(connection, label, place)
    target = enrolled_rows.find(connection, into, place)
    if source == target:
        raise LabelError(f"{shown(label)} cannot be merged with itself", "Name two identities")
    for identity, name in ((source, label), (target, into)):
        enrolled_rows.require_kept(connection, identity, name)
        changes.keep(connection, "identities", identity)
    connection.execute(
        "UPDATE identities SET consent = COALESCE(identities.consent, gone.consent),"
        " retain_until = CASE WHEN identities.retain_until < gone.retain_until"
        " THEN identities.retain_until"
        " ELSE COALESCE(gone.retain_until, identities.retain_until) END,"
        " metadata = CASE identities.metadata WHEN '{}' THEN gone.metadata"
        " ELSE identities.metadata END"
        " FROM identities AS gone WHERE gone.id = ? AND identities.id = ?",
        (source, target),
    )
    enrolled_rows.add_tags(connection, target, enrolled_rows.tags_of(connection, source))
    count = _hand_over(connection, source, target)
    facts: dict[str, Any] = {"source": audit.name_of(connection, source), "examples": count}
    connection.execute("DELETE FROM identities WHERE id = ?", (source,))
    audit.append(connection, "merge", actor, identity=audit.name_of(connection, target), **facts)
    enrolled_rows.corrected(connection)
    total = _count(connection, target)
    return Correction("merge", label, into, count, 0, total, False, _until(connection, target))


def move(
    connection: Connection, example: int, label: str, place: str, actor: str | None
) -> Correction:
    """Give one example to another identity, which may be new.

    A new one has the consent and the last day of the one that the example comes from. An identity
    that has no other example is no longer enrolled.
    """
    source, name = find_example(connection, example, place)
    label = check_label(label)
    target = enrolled_rows.other_form(connection, label)
    if target == source:
        raise LabelError(f"example {example} is one of {shown(label)} already", "Name another")
    enrolled_rows.require_kept(connection, source, name)
    changes.keep(connection, "identities", source)
    new = target is None
    if target is None:
        target, _ = enrolled_rows.new_identity(connection, label, audit.now())
        connection.execute(
            "UPDATE identities SET consent = other.consent, retain_until = other.retain_until"
            " FROM identities AS other WHERE other.id = ? AND identities.id = ?",
            (source, target),
        )
    else:
        enrolled_rows.require_kept(connection, target, label)
        changes.keep(connection, "identities", target)
    changes.keep(connection, "examples", example)
    connection.execute("UPDATE examples SET identity = ? WHERE id = ?", (target, example))
    facts: dict[str, Any] = {"source": audit.name_of(connection, source), "examples": 1, "new": new}
    facts["example"] = example
    left = _count(connection, source)
    if not left:
        connection.execute("DELETE FROM identities WHERE id = ?", (source,))
    audit.append(connection, "move", actor, identity=audit.name_of(connection, target), **facts)
    enrolled_rows.corrected(connection)
    total = _count(connection, target)
    return Correction("move", name, label, 1, left, total, new, _until(connection, target))


def describe(
    connection: Connection,
    label: str,
    place: str,
    actor: str | None,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    metadata: Mapping[str, object] | None = None,
    quiet: bool | None = None,
) -> None:
    """Change what an owner notes beside an identity."""
    add, remove = check_tags(add), check_tags(remove)
    identity = enrolled_rows.find(connection, check_label(label), place)
    changes.keep(connection, "identities", identity)
    facts: dict[str, Any] = {}
    if add or remove:
        tags = enrolled_rows.tags_of(connection, identity)
        for tag in remove:
            if tag not in tags:
                has = f"Its tags: {', '.join(map(shown, tags))}" if tags else "It has none"
                raise LabelError(f"{shown(label)} has no tag {shown(tag)}", has)
            tags.remove(tag)
        facts["tags"] = enrolled_rows.set_tags(connection, identity, [*tags, *add])
    if metadata is not None:
        connection.execute(
            "UPDATE identities SET metadata = ? WHERE id = ?", (as_metadata(metadata), identity)
        )
        facts["metadata"] = True  # its content may be personal
    if quiet is not None:
        connection.execute("UPDATE identities SET quiet = ? WHERE id = ?", (bool(quiet), identity))
        facts["quiet"] = bool(quiet)
    audit.append(
        connection, "describe", actor, identity=audit.name_of(connection, identity), **facts
    )
    enrolled_rows.corrected(connection)


def as_metadata(metadata: Mapping[str, object]) -> str:
    """A JSON object as it is stored.

    Raises:
        GalleryError: it is none, or it is longer than 16 KB.
    """
    text = b""
    if isinstance(metadata, Mapping) and all(isinstance(key, str) for key in metadata):
        with suppress(TypeError, ValueError, RecursionError):  # what JSON has no form for
            text = json.dumps(
                dict(metadata), separators=(",", ":"), allow_nan=False, ensure_ascii=False
            ).encode()
    if text and _levels(metadata) > MAX_METADATA_LEVELS:
        raise GalleryError(
            f"metadata is nested at most {MAX_METADATA_LEVELS} levels deep; this is deeper",
            "Make it flatter",
        )
    if not text:
        raise GalleryError(
            f"metadata is a JSON object; this is {repr(metadata)[:40]}",
            'Pass an object such as {"room": 4}',
        )
    if len(text) > MAX_METADATA_BYTES:
        raise GalleryError(
            f"metadata has at most {MAX_METADATA_BYTES} bytes as JSON; this has {len(text)}",
            "Keep what is larger elsewhere, under a key that is noted here",
        )
    return text.decode()


def _levels(value: object) -> int:
    """How deep a value is nested that JSON has a form for."""
    levels, inside = 0, [value]
    while nested := [one for one in inside if isinstance(one, Mapping | list | tuple)]:
        levels += 1
        inside = [
            each for one in nested for each in (one.values() if isinstance(one, Mapping) else one)
        ]
    return levels


def find_example(connection: Connection, example: int, place: str) -> tuple[int, str]:
    """The identity of an example, and its label."""
    row = None
    if isinstance(example, int) and 0 < example < 1 << 63:
        row = connection.execute(
            "SELECT identities.id, label FROM examples JOIN identities"
            " ON identities.id = examples.identity WHERE examples.id = ?",
            (example,),
        ).fetchone()
    if row is None:
        raise GalleryError(
            f"there is no example {repr(example)[:40]} in {place!r}",
            "Look at the examples with `holotype show`",
        )
    return int(row[0]), str(row[1])


def _hand_over(connection: Connection, source: int, target: int) -> int:
    rows = connection.execute("SELECT id FROM examples WHERE identity = ?", (source,)).fetchall()
    for (example,) in rows:
        changes.keep(connection, "examples", example)
    connection.execute("UPDATE examples SET identity = ? WHERE identity = ?", (target, source))
    return len(rows)


def _count(connection: Connection, identity: int) -> int:
    return one(connection, "SELECT COUNT(*) FROM examples WHERE identity = ?", identity)


def _until(connection: Connection, identity: int) -> date | None:
    (day,) = connection.execute(
        "SELECT retain_until FROM identities WHERE id = ?", (identity,)
    ).fetchone()
    return None if day is None else date.fromisoformat(day)
