"""The events of the served gallery: who makes them, who waits for them, how they are told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from holotype.errors import HolotypeError
from holotype.gallery import Snapshot, events_of, name_of
from holotype.gallery.event_log import Event, Events, Kind
from holotype.recognizer import Recognizer
from holotype.records import Answer, Decision
from holotype.served import Happened
from holotype.server.answers import RETRY_S, RefusedError
from holotype.server.desk import Desk

KEEP_H = 24.0
MAX_LISTENERS = 200
_LOOK_S = 0.2  # between two looks at what other processes did
_TIDY_S = 60.0  # between two looks for what is older than it may be
_KINDS: dict[Answer, Kind] = {
    "match": "identified",
    "unknown": "unknown",
    "cannot_tell": "cannot_tell",
}


class Feed:
    """The events of one served gallery.

    Args:
        desk: that serves it.
        keep_h: for how many hours they are kept.
        answers: of which answers to `identify` events are made.
        pictures_h: for how many hours the pictures of who came by a camera are kept.

    Raises:
        ServingError: the file of the events cannot be used.
    """

    def __init__(
        self,
        desk: Desk,
        keep_h: float = KEEP_H,
        answers: Collection[Answer] = (),
        pictures_h: float = 0.0,
    ) -> None:
        self.desk, self.gallery = desk, name_of(desk.path)
        self.events = Events(events_of(desk.path))
        self._keep, self._answers = timedelta(hours=keep_h), frozenset(answers)
        self._keep_pictures = timedelta(hours=pictures_h)
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._listeners: set[Listener] = set()
        self.expired: Callable[[Sequence[int]], None] = lambda _: None  # is told what went by time
        self.tidying: Callable[[Recognizer], None] = lambda _: None  # is called again and again
        self._labels: tuple[Snapshot, dict[str, str]] | None = None
        self._follow()
        self._last = self.events.last()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closing.set()
        self._tell_waiting()
        self._thread.join()
        self.events.close()

    @property
    def closing(self) -> bool:
        """Whether the server is about to end."""
        return self._closing.is_set()

    def end(self) -> None:
        """Send whoever listens home, so that the server can end."""
        self._closing.set()
        self._tell_waiting()

    # -- what happens -----------------------------------------------------------------------

    async def answered(self, decisions: Sequence[Decision], actor: str) -> None:
        """Make events of answers to a client, where that is wanted; durable when it returns."""
        if self._answers.isdisjoint(one.answer for one in decisions):
            return
        await self.desk.read(lambda at: self.seen(at, decisions, self._answers, {"actor": actor}))

    def seen(
        self,
        recognizer: Recognizer,
        decisions: Iterable[Decision],
        answers: Collection[Answer],
        where: dict[str, Any],
        picture: bytes | None = None,
    ) -> None:
        """Store those answers that are wanted as events.

        Args:
            recognizer: that gave them.
            decisions: one for each probe or visitor.
            answers: which of them are wanted; who is not to be announced never is.
            where: further facts.
            picture: of whom it shows.
        """
        names = {label: name for name, label in self._names(recognizer).items()}
        found: list[tuple[Kind, dict[str, Any], str | None, bytes | None]] = []
        for one in decisions:
            if one.answer not in answers or one.quiet:
                continue
            nearest = names.get(one.candidates[0].label) if one.candidates else None
            if nearest is None and one.answer == "match":
                continue  # forgotten meanwhile
            facts = {
                **where,
                "rate": one.rate,
                "promised": one.promised,
                "probability": one.probability,
                "reasons": [reason.code for reason in one.reasons],
            }
            if nearest is not None:
                facts |= {"decision": one.id, "similarity": one.similarity}
            found.append((_KINDS[one.answer], facts, nearest, picture))
        if found:
            self.events.add_all(found)
            self._look()

    def add(self, kind: Kind, facts: dict[str, Any]) -> None:
        """Store an event about nobody."""
        self.events.add(kind, facts)
        self._look()

    # -- what is told -----------------------------------------------------------------------

    def told(self, recognizer: Recognizer, events: Iterable[Event]) -> list[Happened]:
        """Events as they are told, with the present labels."""
        names = self._names(recognizer)
        return [
            Happened(
                one.id,
                one.at,
                one.kind,
                # Whom an answer resembles that names nobody is for its review alone.
                None if one.kind in ("unknown", "cannot_tell") else one.identity,
                None
                if one.kind in ("unknown", "cannot_tell") or one.identity is None
                else names.get(one.identity),
                one.facts,
                one.picture,
            )
            for one in events
        ]

    def _names(self, recognizer: Recognizer) -> dict[str, str]:
        """The label of each random id."""
        snapshot = recognizer.gallery.snapshot()
        if self._labels is None or self._labels[0] is not snapshot:
            names = dict(zip(snapshot.identities, snapshot.labels, strict=True))
            self._labels = snapshot, names
        return self._labels[1]

    def next(self, number: int) -> tuple[int, Happened] | None:
        """The next event after one, and its number."""
        found = self.events.after(number, 1)
        if not found:
            return None
        (told,) = self.desk.call(lambda at: self.told(at, found))
        return found[0].number, told

    def wait(self, number: int, seconds: float) -> None:
        """Wait until there is an event after this one, or the server ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._last > number or self.closing, seconds)

    def listen(self) -> Listener:
        """Somebody who waits on the event loop.

        Raises:
            RefusedError: there are as many as there may be.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise RefusedError(
                503,
                "busy",
                f"{MAX_LISTENERS} listen to the events, which are as many as are accepted",
                "Listen once and pass on, or ask without `Accept: text/event-stream`",
                {"retry-after": str(RETRY_S)},
            )
        return Listener(self)

    # -- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        tidy_s = time.monotonic()
        while not self._closing.wait(_LOOK_S):
            self._follow()
            with suppress(HolotypeError, RefusedError):  # a full disk; who asks is told
                self._look()
                self.desk.call(self.tidying)
                if time.monotonic() >= tidy_s:
                    tidy_s = time.monotonic() + _TIDY_S
                    self._tidy()

    def _follow(self) -> None:
        # Locked, or gone for now: the trail keeps what is new.
        with suppress(HolotypeError, RefusedError):
            self.desk.call(lambda at: self.events.follow(at.gallery))

    def _tidy(self) -> None:
        now = datetime.now(UTC)
        gone = self.events.expire(now - self._keep, now - self._keep_pictures)
        if gone:
            self.expired(gone)

    def _look(self) -> None:
        last = self.events.last()
        with self._changed:
            new, self._last = last > self._last, last
        if new:
            self._tell_waiting()

    def _tell_waiting(self) -> None:
        with self._changed:
            self._changed.notify_all()
            for listener in self._listeners:
                listener.tell()


class Listener:
    """One who waits on the event loop for what happens."""

    def __init__(self, feed: Feed) -> None:
        self._feed, self._new = feed, asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Listener:
        with self._feed._changed:
            self._feed._listeners.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        with self._feed._changed:
            self._feed._listeners.discard(self)

    def tell(self) -> None:
        """There is something new; from any thread."""
        self._loop.call_soon_threadsafe(self._new.set)

    async def wait(self, seconds: float) -> bool:
        """Wait for something new since the last wait; whether there is."""
        try:
            await asyncio.wait_for(self._new.wait(), seconds)
        except TimeoutError:
            return False
        self._new.clear()
        return True
