"""The audit trail: who did what to the gallery, and when, as a chain of hashes.

A line is a JSON object in one fixed form; its hash is SHA-256 over the previous line's hash and
the line. The number of lines and the last hash stand apart from them. So a line that is removed,
edited, moved or cut off is found. What is not: whoever can rewrite the whole file can also write a
new chain. Only a hash that was noted elsewhere (a receipt, `AuditReport.head`) shows that.

A line holds no vector, picture, label or similarity. It names an identity by its random id; the
table that leads from there to a label loses its row with `forget`.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from holotype.errors import RepeatedError
from holotype.gallery.connection import Connection
from holotype.gallery.labels import check_note
from holotype.gallery.records import AuditEntry, AuditFinding, AuditReport
from holotype.gallery.schema import schema_version

_START = ""  # the hash before the first line
_OWN_KEYS = ("sequence", "at", "actor", "action", "identity")


def now() -> datetime:
    """The present time, UTC."""
    return datetime.now(UTC)


def who(actor: str | None) -> str:
    """The given actor, or the user of the operating system."""
    if actor is not None:
        return check_note(actor, "the actor")
    return _user(os.getuid() if hasattr(os, "getuid") else -1)


@cache
def _user(uid: int) -> str:
    # From the user table where there is one: the environment, which getpass asks first, can say
    # anything.
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except ImportError:
        return getpass.getuser()
    except KeyError:  # a container may run under a number without a name
        return f"uid {uid}"


class Actor(str):
    """Who asks for a change, and under which request, so that it happens once.

    Args:
        name: who.
        request: what the one that asks calls it; it stands in the line of the change.
        since: the last line of the trail that was looked at, and has no such request.
    """

    request: str
    since: int

    def __new__(cls, name: str, request: str, since: int) -> Self:
        """A name that carries its request."""
        actor = super().__new__(cls, name)
        actor.request, actor.since = request, since
        return actor

    def __str__(self) -> str:
        """The name alone."""
        return self[:]


def name_of(connection: Connection, identity: int) -> str:
    """What the trail calls an identity: its random id."""
    (name,) = connection.execute("SELECT uuid FROM identities WHERE id = ?", (identity,)).fetchone()
    return str(name)


def require_first(connection: Connection, actor: str | None) -> None:
    """Refuse a change that was made before under this request, by whatever process.

    Inside the transaction of the change: of two that come at once, the second sees the first.

    Raises:
        RepeatedError: it was made.
    """
    if not isinstance(actor, Actor) or schema_version(connection) < 2:
        return
    mark = f'"request":{json.dumps(actor.request)}'
    if connection.execute(
        "SELECT 1 FROM audit WHERE sequence > ? AND instr(entry, ?) > 0", (actor.since, mark)
    ).fetchone():
        raise RepeatedError(
            "this change was made before, under the same request", "See the audit trail"
        )


def append(
    connection: Connection,
    action: str,
    actor: str | None,
    *,
    at: datetime | None = None,
    identity: str | None = None,
    **facts: object,
) -> str:
    """Add a line, inside the transaction that does what it records; returns its hash."""
    count, head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
    line: dict[str, object] = {
        **facts,
        "sequence": count + 1,
        "at": (at or now()).isoformat(timespec="milliseconds"),
        "actor": who(actor),
        "action": action,
    }
    if identity is not None:
        line["identity"] = identity
    if isinstance(actor, Actor):
        line["request"] = actor.request
    entry = json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False)
    link = _chained(head, entry)
    connection.execute("INSERT INTO audit VALUES (?, ?, ?)", (count + 1, entry, link))
    connection.execute("UPDATE meta SET audit_count = ?, audit_head = ?", (count + 1, link))
    return link


def _chained(previous: str, entry: str) -> str:
    return hashlib.sha256(f"{previous}\n{entry}".encode("utf-8", "surrogatepass")).hexdigest()


def last_line(connection: Connection) -> tuple[int, str] | None:
    """The number of the last line, and its hash; None in a gallery of schema 1."""
    if schema_version(connection) < 2:
        return None
    count, head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
    return int(count), str(head)


def entries(connection: Connection, since: int = 1) -> Iterator[AuditEntry]:
    """Every line from one on that can be read, in order; none in a gallery of schema 1."""
    if schema_version(connection) < 2:
        return
    for sequence, entry, link in connection.execute(
        "SELECT sequence, entry, hash FROM audit WHERE sequence >= ? ORDER BY sequence", (since,)
    ):
        line = _read(entry)
        if line is not None:
            yield AuditEntry(
                sequence=int(sequence),
                at=datetime.fromisoformat(line["at"]),
                actor=line["actor"],
                action=line["action"],
                identity=line.get("identity"),
                facts={key: value for key, value in line.items() if key not in _OWN_KEYS},
                hash=str(link),
            )


def _read(entry: object) -> dict[str, Any] | None:
    """The line, if it has the form of one."""
    try:
        line = json.loads(str(entry))
        good = (
            isinstance(line, dict)
            and all(isinstance(line[key], str) for key in ("at", "actor", "action"))
            and isinstance(line["sequence"], int)
            and datetime.fromisoformat(line["at"]).tzinfo is not None
        )
    except (ValueError, KeyError):
        return None
    return line if good else None


def verify(connection: Connection, noted: str | None = None) -> AuditReport:
    """Follow the chain, inside the caller's read transaction; see `Gallery.verify_audit`."""
    if schema_version(connection) < 2:
        young = AuditFinding("none", 0, "the trail begins with the next change of this gallery")
        return AuditReport(0, _START, _unnoted(noted), (young,))
    problems: list[AuditFinding] = []
    notes: list[AuditFinding] = []
    expected, previous, latest = 1, _START, None
    lines, seen = 0, noted is None
    for sequence, entry, link in connection.execute(
        "SELECT sequence, entry, hash FROM audit ORDER BY sequence"
    ):
        if sequence != expected:
            gap = f"lines {expected} to {sequence - 1} were" if sequence - expected > 1 else ""
            text = f"{gap or f'line {expected} was'} removed"
            problems.append(AuditFinding("missing", expected, text))
        line = _read(entry)
        # After a gap the hash of the line before is not known.
        chained = sequence != expected or _chained(previous, str(entry)) == link
        if line is None or line["sequence"] != sequence or not chained:
            text = f"line {sequence}, or the hash of the line before it, was edited or moved"
            problems.append(AuditFinding("edited", sequence, text))
        if line is not None:
            at = datetime.fromisoformat(line["at"])
            if latest is not None and at < latest:
                text = f"line {sequence} is dated before the one above it: a clock ran backwards"
                notes.append(AuditFinding("clock", sequence, text))
            latest = at
        lines, expected, previous = lines + 1, sequence + 1, str(link)
        seen = seen or link == noted
    count, head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
    if count >= expected:
        text = f"the trail ends before line {expected}; {count} were written"
        problems.append(AuditFinding("truncated", expected, text))
    elif count != expected - 1 or head != previous:
        text = f"the trail does not end as it did at its last change, with line {count}"
        problems.append(AuditFinding("edited", count, text))
    if not seen:
        problems.extend(_unnoted(noted))
    return AuditReport(lines, previous, tuple(problems), tuple(notes))


def _unnoted(noted: str | None) -> tuple[AuditFinding, ...]:
    if noted is None:
        return ()
    return (AuditFinding("unnoted", 0, f"no line has the hash {noted}: this is another trail"),)
