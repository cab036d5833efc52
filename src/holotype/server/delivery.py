"""Handing events on: to each reader in order, again and again until it has them.

A reader's place is noted when it has an event; so it gets each at least once, whatever dies in
between, and drops by its id what it gets twice. Of several servers on one gallery one delivers.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holotype.errors import HolotypeError
from holotype.served import Happened
from holotype.server.answers import RefusedError
from holotype.server.event_stream import Feed

if sys.platform != "win32":
    import fcntl

_FIRST_S, _LONGEST_S = 0.5, 30.0  # between two tries
_REFUSALS = 5  # after which a receiver that does not want an event does not get it
_LOOK_S = 1.0


class AwayError(Exception):
    """A receiver is not there, or not able: the event waits for it."""


class UnwantedError(Exception):
    """A receiver is there, and does not want the event."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets events."""

    send: Callable[[Happened], None]  # hands on one event; raises AwayError or UnwantedError
    bury: Callable[[str, str], None]  # is told the id of an event that is given up, and why


class Reader:
    """Hands the events of a feed to one receiver, in a thread of its own.

    Args:
        feed: the events.
        name: of the reader, by which its place is noted.
        receiver: who gets them.
    """

    def __init__(self, feed: Feed, name: str, receiver: Receiver) -> None:
        self.waits = ""  # why, while the receiver does not take an event
        self._feed, self._name, self._receiver = feed, name, receiver
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hand nothing on any more; the call that is under way ends by itself."""
        self._stop.set()

    def join(self) -> None:
        """Wait until it has stopped."""
        self._thread.join()

    def _run(self) -> None:
        number = tries = 0
        place: int | None = None
        while not self._stop.is_set():
            try:
                number = place = self._feed.events.reached(self._name) if place is None else place
                self._feed.wait(number, _LOOK_S)
                found = self._feed.next(number)
                if found is None:
                    if self._feed.closing:
                        return
                    continue
                following, event = found
                try:
                    self._receiver.send(event)
                except UnwantedError as error:
                    tries += 1
                    self.waits = str(error)
                    if tries < _REFUSALS:
                        self._pause(tries)
                        continue
                    self._receiver.bury(event.id, str(error))
                self._feed.events.reach(self._name, following)
                place, tries, self.waits = following, 0, ""
            except AwayError as error:
                tries, self.waits = tries + 1, str(error)
                self._pause(tries)
            except (HolotypeError, RefusedError) as error:  # the gallery or a file is gone for now
                self.waits = str(error)
                self._stop.wait(_LOOK_S)

    def _pause(self, tries: int) -> None:
        # Of different length each time, so that not all come back at once.
        longest = min(_FIRST_S * 2 ** min(tries - 1, 10), _LONGEST_S)
        self._stop.wait(longest * random.uniform(0.5, 1))


class Turn:
    """Of all servers on a gallery, the one that delivers.

    Args:
        path: a file beside the gallery.
    """

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        self._path = path

    def mine(self) -> bool:
        """Whether this server is it; it stays so until it ends."""
        if sys.platform == "win32":  # each delivers there; who gets an event twice drops it
            return True
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    @property
    def held(self) -> bool:
        """Whether it is this server's turn by now."""
        return self._handle is not None

    def close(self) -> None:
        """Let another server deliver."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Delivery:
    """Keeps a reader for each receiver that there is, as long as it is this server's turn.

    Args:
        feed: the events.
        turn: a file beside the gallery.
        receivers: those that there are now, by their names.
    """

    def __init__(
        self, feed: Feed, turn: Path, receivers: Callable[[], dict[str, Receiver]]
    ) -> None:
        self._feed, self._turn, self._receivers = feed, Turn(turn), receivers
        feed.expired = self._expired
        self._readers: dict[str, Reader] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not handed on waits for the next server."""
        self._stop.set()
        self._thread.join()
        for reader in self._readers.values():
            reader.stop()
        for reader in self._readers.values():
            reader.join()
        self._turn.close()

    def waits(self, name: str) -> str:
        """Why a receiver does not take an event just now; empty where it does."""
        reader = self._readers.get(name)
        return reader.waits if reader else ""

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(HolotypeError, OSError):  # looked at again
                if self._turn.mine():
                    self._look()
            self._stop.wait(_LOOK_S)

    def _look(self) -> None:
        wanted = self._receivers()
        for name in self._readers.keys() - wanted.keys():
            self._readers.pop(name).stop()
        for name, receiver in wanted.items():
            if name not in self._readers:
                self._readers[name] = Reader(self._feed, name, receiver)

    def _expired(self, numbers: Sequence[int]) -> None:
        """Bury what was kept no longer for who has not got it."""
        for name, receiver in self._receivers().items():
            place = self._feed.events.reached(name)
            for number in numbers:
                if number > place:
                    receiver.bury(self._feed.events.id_of(number), "it was kept no longer")
