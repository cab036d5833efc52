"""Is everything as it was stored?"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from holotype.gallery import audit
from holotype.gallery.connection import Connection, DamagedError
from holotype.gallery.labels import shown
from holotype.gallery.matrix import UNIT_TOLERANCE, lengths
from holotype.gallery.records import AuditEntry, AuditReport, GalleryCheck
from holotype.gallery.schema import one, read_binding, schema_version

_SHOWN = 20  # problems of one kind; the rest are counted
_UNREADABLE = AuditReport(0, "", (), ())


def check(connection: Connection) -> GalleryCheck:
    """Look at every page, row, vector and audit line, inside the caller's read transaction."""
    problems: list[str] = []
    identities = examples = 0
    trail = _UNREADABLE
    try:
        problems += connection.damage(_SHOWN)
        identities = one(connection, "SELECT COUNT(*) FROM identities")
        examples = one(connection, "SELECT COUNT(*) FROM examples")
        for (label,) in connection.execute(
            "SELECT label FROM identities WHERE id NOT IN (SELECT identity FROM examples)"
        ):
            problems.append(f"{shown(str(label))} has no example")
        problems += _few(_vectors(connection))
        if schema_version(connection) >= 2:
            problems += _few(_pictures(connection))
            problems += _few(_unaccounted(connection))
        trail = audit.verify(connection)
    except (connection.errors, DamagedError) as error:  # too broken to go on
        problems.append(f"it cannot be read on: {error}")
    return GalleryCheck(identities, examples, tuple(problems), trail)


def _few(problems: Iterator[str]) -> Iterator[str]:
    more = 0
    for number, problem in enumerate(problems):
        if number < _SHOWN:
            yield problem
        else:
            more += 1
    if more:
        yield f"and {more} more of this kind"


def _vectors(connection: Connection) -> Iterator[str]:
    dim = read_binding(connection).embedding_dim
    if schema_version(connection) < 2:
        statement = "SELECT id, vector, crc32(vector) FROM examples"
        yield from _wrong("example", connection.execute(statement), dim)
        return
    for table, what in (("examples", "example"), ("strangers", "stranger")):
        rows = connection.execute(f"SELECT id, vector, checksum FROM {table} ORDER BY id")
        yield from _wrong(what, rows, dim)
    # How long a staged vector has to be is only known once its model is bound.
    yield from _wrong(
        "the staged vector of example",
        connection.execute("SELECT example, vector, checksum FROM staged"),
        None,
    )


def _wrong(
    what: str, rows: Iterable[tuple[int, object, object]], embedding_dim: int | None
) -> Iterator[str]:
    for number, blob, checksum in rows:
        if not isinstance(blob, bytes) or len(blob) % 4 or not blob:
            yield f"{what} {number} is no vector"
            continue
        if zlib.crc32(blob) != checksum:
            yield f"{what} {number} is not as it was stored"
            continue
        vector = np.frombuffer(blob, "<f4")
        if embedding_dim not in (None, len(vector)):
            yield f"{what} {number} has {len(vector)} dimensions, not {embedding_dim}"
        elif not np.isfinite(vector).all():
            yield f"{what} {number} holds NaN or infinity"
        elif abs((length := lengths(vector[None])[0]) - 1) > UNIT_TOLERANCE:
            yield f"{what} {number} has length {length:.4g}, not 1"


def _pictures(connection: Connection) -> Iterator[str]:
    for example, picture, checksum in connection.execute(
        "SELECT example, picture, checksum FROM pictures"
    ):
        if not isinstance(picture, bytes) or zlib.crc32(picture) != checksum:
            yield f"the picture of example {example} is not as it was stored"


def _unaccounted(connection: Connection) -> Iterator[str]:
    """Identities that came, went or changed without a line in the audit trail."""
    noted: Counter[str] = Counter()  # those that the trail saw enter
    entered: set[str] = set()
    before = 0  # examples of those who were there before the trail began
    effects: dict[int, list[tuple[str, int]]] = {}  # of each line, for one that undoes it
    for line in audit.entries(connection):
        if line.action == "migrate" and line.facts.get("from_schema", 1) < 2:
            before += int(line.facts.get("examples", 0))
        if line.facts.get("new") and line.identity is not None:
            entered.add(line.identity)
        undone = range(line.facts.get("undone", 0), line.facts.get("until", -1) + 1)
        effects[line.sequence] = _effects(line) + [
            (name, -change) for one_of in undone for name, change in effects.get(one_of, ())
        ]
        for name, change in effects[line.sequence]:
            if name in entered:
                noted[name] += change
            else:
                before += change
    for name, label, count in connection.execute(
        "SELECT uuid, MIN(label), COUNT(*) FROM examples JOIN identities"
        " ON identities.id = examples.identity GROUP BY uuid"
    ):
        if name not in entered:
            before -= count
        elif (wanted := noted.pop(name, 0)) != count:
            yield f"{shown(str(label))} has {count} examples; by the audit trail it has {wanted}"
    for name, count in noted.items():
        if count:
            yield f"identity {name} is gone; by the audit trail it has {count} examples"
    if before:
        yield (
            f"the identities that are older than the audit trail have {abs(before)} examples "
            f"{'fewer' if before > 0 else 'more'} than by the trail"
        )


def _effects(line: AuditEntry) -> list[tuple[str, int]]:
    """Who gained how many examples by what a line of the trail records."""
    count, name = int(line.facts.get("examples", 0)), line.identity or ""
    match line.action:
        case "enroll":
            return [(name, count)]
        case "merge" | "move":
            return [(name, count), (str(line.facts["source"]), -count)]
        case "forget" | "expire" | "undo":
            return [(name, -count)] if count else []
    return []
