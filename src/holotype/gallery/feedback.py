"""What people say about decisions. A decision is not stored: its token carries the facts, signed.

A token is `payload.mac`, both base64url without padding; the MAC is HMAC-SHA256 under a secret of
the gallery file. So whoever can read the file can forge tokens, and nobody else can.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holotype.errors import GalleryError
from holotype.gallery import audit, changes, erasure
from holotype.gallery.connection import Connection
from holotype.gallery.labels import shown
from holotype.gallery.records import Erasure, Feedback, FeedbackSummary
from holotype.gallery.schema import schema_version

ANSWERS = ("match", "unknown", "cannot_tell")
_KEYS = {"answer", "identity", "similarity", "threshold", "rate_kind", "rate"}


def sign(key: bytes, payload: Mapping[str, object]) -> str:
    """A token for a decision; see `Snapshot.sign`."""
    if payload.keys() != _KEYS or payload["answer"] not in ANSWERS:
        raise GalleryError(
            f"a decision is signed with {', '.join(sorted(_KEYS))} and one of the answers "
            f"{', '.join(ANSWERS)}; this one has {', '.join(sorted(payload)) or 'nothing'}",
            "Pass exactly these",
        )
    facts: dict[str, object] = {
        "id": secrets.token_hex(8),
        "at": audit.now().isoformat(timespec="milliseconds"),
        **payload,
    }
    for name in ("similarity", "threshold", "rate"):
        number = payload[name]
        if number is not None:
            facts[name] = float(number)  # type: ignore[arg-type]
            if not math.isfinite(facts[name]):  # type: ignore[arg-type]
                raise GalleryError(f"{name} is {number}; it is a finite number", "Pass one")
    body = _encoded(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode())
    return f"{body}.{_mac(key, body)}"


def _mac(key: bytes, body: str) -> str:
    return _encoded(hmac.digest(key, body.encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def opened(key: bytes, token: str) -> dict[str, Any]:
    """The facts in a token that this gallery signed."""
    body, _, mac = str(token).partition(".")
    try:
        good = token.isascii() and hmac.compare_digest(mac, _mac(key, body))
    except AttributeError:  # no text
        good = False
    if good:
        try:
            facts: dict[str, Any] = json.loads(
                base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            )
        except (ValueError, binascii.Error):
            good = False
    if not good:
        raise GalleryError(
            f"{shown(str(token))} is not the id of a decision that this gallery made",
            "Pass the id of a decision exactly as identify or verify of this gallery gave it",
        )
    return facts


def store(connection: Connection, token: str, correct: bool, actor: str | None) -> Feedback:
    """Store a review, inside the caller's transaction; see `Gallery.feedback`."""
    if not isinstance(correct, bool):
        raise GalleryError(f"correct is {correct!r}; it is True or False", "Pass one of them")
    (key,) = connection.execute("SELECT signing_key FROM meta").fetchone()
    facts = opened(key, token)
    earlier = connection.execute(
        "SELECT correct, given FROM feedback WHERE decision = ?", (facts["id"],)
    ).fetchone()
    if earlier is not None:
        raise GalleryError(
            f"the decision {facts['id']} was marked {'right' if earlier[0] else 'wrong'} on "
            f"{earlier[1]}; a decision is reviewed once",
            "To change that, undo the feedback first",
        )
    given = audit.now()
    changes.added(connection, "feedback", facts["id"])
    connection.execute(
        "INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            facts["id"],
            facts["at"],
            given.isoformat(timespec="milliseconds"),
            correct,
            *(facts[key] for key in ("answer", "identity", "similarity", "threshold")),
            facts["rate_kind"],
            facts["rate"],
        ),
    )
    audit.append(
        connection,
        "feedback",
        actor,
        at=given,
        identity=facts["identity"],
        decision=facts["id"],
        decided=facts["at"],
        answer=facts["answer"],
        correct=correct,
        threshold=facts["threshold"],
        rate_kind=facts["rate_kind"],
        rate=facts["rate"],
    )
    return next(item for item in stored(connection) if item.decision == facts["id"])


def facts_of(connection: Connection, token: str) -> dict[str, Any]:
    """The facts in a token that this gallery signed; see `Gallery.decision`."""
    key = b""
    if schema_version(connection) >= 2:
        (key,) = connection.execute("SELECT signing_key FROM meta").fetchone()
    return opened(key, token if key else "")


def require_reviewed(connection: Connection, decision: str) -> None:
    """Refuse examples from a decision that was not reviewed, or that has given some already."""
    if (
        connection.execute("SELECT 1 FROM feedback WHERE decision = ?", (decision,)).fetchone()
        is None
    ):
        raise _not_reviewed(decision)
    if connection.execute("SELECT 1 FROM examples WHERE decision = ?", (decision,)).fetchone():
        raise GalleryError(
            f"the decision {decision} has given examples before; it does so once",
            "To change that, undo the feedback first",
        )


def _not_reviewed(decision: str) -> GalleryError:
    return GalleryError(
        f"there is no feedback on the decision {shown(str(decision))}",
        "Pass the id of a decision that was reviewed",
    )


def undo(
    connection: Connection, decision: str, actor: str | None
) -> tuple[int, int, tuple[Erasure, ...]]:
    """Take a review back, inside the caller's transaction.

    Returns:
        The number of examples deleted, that of strangers, and the receipts of identities that had
        no other examples.
    """
    if "." in str(decision):
        (key,) = connection.execute("SELECT signing_key FROM meta").fetchone()
        decision = opened(key, decision)["id"]
    owners = connection.execute(
        "SELECT identities.id, uuid, COUNT(*) FROM examples JOIN identities"
        " ON identities.id = examples.identity WHERE decision = ? GROUP BY identities.id",
        (decision,),
    ).fetchall()
    batches = connection.execute(
        "SELECT DISTINCT batch FROM strangers WHERE decision = ?", (decision,)
    ).fetchall()
    touched = [("feedback", decision), *(("strangers", batch) for (batch,) in batches)]
    changes.seal(connection, [*touched, *(("identities", owner) for owner, *_ in owners)])
    examples = connection.execute("DELETE FROM examples WHERE decision = ?", (decision,)).rowcount
    strangers = connection.execute("DELETE FROM strangers WHERE decision = ?", (decision,)).rowcount
    if not connection.execute("DELETE FROM feedback WHERE decision = ?", (decision,)).rowcount:
        raise _not_reviewed(decision)
    if strangers:
        connection.execute("UPDATE meta SET strangers_version = strangers_version + 1")
    at = audit.now()
    for _, name, count in owners or [(None, None, 0)]:
        audit.append(
            connection,
            "undo",
            actor,
            at=at,
            identity=name,
            decision=decision,
            examples=count,
            strangers=strangers,
        )
    if examples or strangers:
        erasure.mark(connection)
    receipts = tuple(
        erasure.remove_identity(connection, owner, "forget", actor, at)
        for owner, *_ in owners
        if not connection.execute("SELECT 1 FROM examples WHERE identity = ?", (owner,)).fetchone()
    )
    return examples, strangers, receipts


def stored(connection: Connection) -> tuple[Feedback, ...]:
    """Every review, in the order of their giving."""
    strangers = "0"
    if schema_version(connection) >= 3:
        strangers = "(SELECT COUNT(*) FROM strangers WHERE strangers.decision = feedback.decision)"
    return tuple(
        Feedback(
            decision=row[0],
            decided=datetime.fromisoformat(row[1]),
            given=datetime.fromisoformat(row[2]),
            correct=bool(row[3]),
            answer=row[4],
            identity=row[5],
            similarity=row[6],
            threshold=row[7],
            rate_kind=row[8],
            rate=row[9],
            examples=row[10],
            strangers=row[11],
        )
        for row in connection.execute(
            "SELECT decision, decided, given, correct, answer, identity, similarity, threshold,"
            " rate_kind, rate,"
            " (SELECT COUNT(*) FROM examples WHERE examples.decision = feedback.decision),"
            f" {strangers} FROM feedback ORDER BY rowid"
        )
    )


def summary(connection: Connection) -> tuple[FeedbackSummary, ...]:
    """Counts over the reviews, for each stated rate."""
    return tuple(
        FeedbackSummary(kind, rate, *map(int, counts))
        for kind, rate, *counts in connection.execute(
            "SELECT rate_kind, rate, COUNT(*) FILTER (WHERE answer = 'match'),"
            " COUNT(*) FILTER (WHERE answer = 'match' AND correct = 0),"
            " COUNT(*) FILTER (WHERE answer = 'unknown'),"
            " COUNT(*) FILTER (WHERE answer = 'unknown' AND correct = 0),"
            " COUNT(*) FILTER (WHERE answer = 'cannot_tell')"
            " FROM feedback GROUP BY rate_kind, rate ORDER BY rate_kind, rate"
        )
    )
