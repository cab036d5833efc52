"""A call that is sent again happens once.

What was done under an `Idempotency-Key` stands in the audit line of the change itself, written in
the same transaction. So nothing lies between the change and the note of it: neither a crash nor a
second server can make it happen twice, and a gallery that is restored from a backup forgets both
together. The key is not stored, but a hash of it; and of what was sent, a hash under that key.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from holotype.errors import RepeatedError
from holotype.gallery import Actor, AuditEntry, Gallery
from holotype.recognizer import Recognizer
from holotype.server.answers import RETRY_S, RefusedError

MAX_KEY_CHARACTERS = 200
_HEX = 32  # digits of each hash

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that may be sent again."""

    who: str  # the name of the key
    key: str  # hash of that name and the `Idempotency-Key`
    content: str  # hash of what was sent


def request(who: str, key: str, *content: bytes | str) -> Asked:
    """The call of a client.

    Args:
        who: the name of its key.
        key: its `Idempotency-Key`.
        content: all that it sent, part by part.
    """
    named = hashlib.sha256(f"{who}\0{key}".encode()).hexdigest()[:_HEX]
    parts = hmac.new(key.encode(), digestmod=hashlib.sha256)
    for part in content:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        parts.update(hashlib.sha256(data).digest())
    return Asked(who, named, parts.hexdigest()[:_HEX])


class Repeats:
    """What was done under a key, as the audit trail of one gallery says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._gallery: Gallery | None = None
        self._done: dict[str, AuditEntry] = {}
        self._last: AuditEntry | None = None

    def once(
        self,
        recognizer: Recognizer,
        asked: Asked | None,
        who: str,
        act: Callable[[str], _T],
        again: Callable[[AuditEntry], _T],
    ) -> tuple[_T, bool]:
        """Act, unless it was done before.

        Args:
            recognizer: whose gallery it is.
            asked: the call; None: it has no key, and is new whatever it looks like.
            who: the name of the client's key.
            act: is given the actor of the change.
            again: what to answer from the line of a change that was made.

        Returns:
            The answer, and whether it was done before.

        Raises:
            RefusedError: the same key with something else, or while the first call is under way.
        """
        if asked is None:
            return act(who), False
        with self._lock:
            if asked.key in self._under_way:
                raise RefusedError(
                    409,
                    "under_way",
                    "a call with this Idempotency-Key is under way",
                    "Ask again in a moment for its answer",
                    {"retry-after": str(RETRY_S)},
                )
            self._under_way.add(asked.key)
        try:
            found, since = self._find(recognizer.gallery, asked)
            if found is None:
                try:
                    return act(Actor(who, f"{asked.key}.{asked.content}", since)), False
                except RepeatedError:  # in another process, just now
                    found, _ = self._find(recognizer.gallery, asked)
                    if found is None:
                        raise
            return again(found), True
        finally:
            with self._lock:
                self._under_way.discard(asked.key)

    def _find(self, gallery: Gallery, asked: Asked) -> tuple[AuditEntry | None, int]:
        """The line of a change that was made under this key, and the last line looked at."""
        with self._lock:
            self._follow(gallery)
            found = self._done.get(asked.key)
            since = self._last.sequence if self._last else 0
        if found is not None and found.facts["request"].partition(".")[2] != asked.content:
            raise RefusedError(
                409,
                "another_content",
                "this Idempotency-Key was used for something else",
                "Make a new key for each change",
            )
        return found, since

    def _follow(self, gallery: Gallery) -> None:
        """Read what is new in the trail; all of it, where it is not the one of before."""
        if self._gallery is gallery and self._last is not None:
            last, *new = gallery.audit(self._last.sequence - 1) or (None,)
            if last is not None and last.hash == self._last.hash:
                self._note(new)
                return
        self._gallery, self._done, self._last = gallery, {}, None
        self._note(gallery.audit())

    def _note(self, entries: tuple[AuditEntry, ...] | list[AuditEntry]) -> None:
        for entry in entries:
            key = str(entry.facts.get("request", "")).partition(".")[0]
            if key:
                self._done.setdefault(key, entry)
            self._last = entry
