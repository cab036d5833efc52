"""Who is told of what happens: listeners of the feed, webhooks, a broker, who sees the inbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from holotype.errors import ServingError
from holotype.gallery import file_beside, inbox, inbox_of
from holotype.recognizer.visitors import Visitors
from holotype.records import Answer
from holotype.served import Hook, NewHook
from holotype.server.cameras import ANSWERS, Cameras
from holotype.server.delivery import AwayError, Delivery, Receiver, UnwantedError
from holotype.server.desk import Desk
from holotype.server.event_stream import KEEP_H, Feed
from holotype.server.mqtt import Mqtt
from holotype.server.webhooks import Hooks

_RESENT = 100  # of the newest dead letters, in one call
_MQTT = "mqtt"  # the reader; those of webhooks have two words


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of what happens, and to whom."""

    keep_h: float = KEEP_H  # for how many hours events are kept
    answers: tuple[Answer, ...] = ()  # of which events are made, of `identify` and of cameras
    webhooks: tuple[tuple[str, str], ...] = ()  # name and address of each that is added
    mqtt: str | None = None  # the address of a broker
    cameras: tuple[tuple[str, str], ...] = ()  # name and source of each
    fpir: str | None = None  # the stated rate of the cameras
    pictures_h: float = 0.0  # for how many hours pictures of who came by a camera are kept
    inbox_h: float = 0.0  # for how many hours who got no match is kept to be named; 0: not at all


class Outlets:
    """All that tells of the events of one served gallery.

    Args:
        desk: that serves it.
        telling: what is told, and to whom; its webhooks are added by `add_hooks`.
        model: of the gallery, as for `holotype.open`.

    Raises:
        ServingError: a file beside the gallery or the broker cannot be used.
        MissingExtraError: what speaks MQTT is not installed.
    """

    def __init__(self, desk: Desk, telling: Telling, model: str | None = None) -> None:
        path, connected = desk.path, dict.fromkeys((name for name, _ in telling.cameras), False)
        self.telling, self.connected = telling, connected
        self._mqtt: Mqtt | None = None
        self.visitors: Visitors | None = None
        with ExitStack() as opened:
            if telling.inbox_h:
                self.visitors = Visitors(inbox_of(path), telling.inbox_h)
                opened.callback(self.visitors.close)
            else:
                _clear_inbox(inbox_of(path))
            self.feed = Feed(desk, telling.keep_h, telling.answers, telling.pictures_h)
            opened.callback(self.feed.close)
            if self.visitors is not None:
                self.feed.tidying = self.visitors.tidy
            self.hooks = Hooks(file_beside(path, "webhooks"))
            opened.callback(self.hooks.close)
            if telling.mqtt is not None:
                name = self.feed.events.name
                self._mqtt = Mqtt(telling.mqtt, self.feed.gallery, name, connected)
                opened.callback(self._mqtt.close)
            turn = file_beside(path, "delivery")
            self._delivery = Delivery(self.feed, turn, self._receivers)
            opened.callback(self._delivery.close)
            cameras = Cameras(
                self.feed,
                model,
                telling.cameras,
                connected,
                fpir=telling.fpir,
                answers=telling.answers or ANSWERS,
                pictures=telling.pictures_h > 0,
                visitors=self.visitors,
            )
            opened.callback(cameras.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Tell nobody any more; what was not told waits for the next server."""
        self.feed.end()
        self._opened.close()

    def add_hook(self, name: str, url: str, *, inside: bool) -> NewHook:
        """Send events to a webhook, beginning with the next; see `Hooks.add`."""
        made = self.hooks.add(name, url, inside=inside)
        self.feed.events.reached(_reader(name))
        return made

    def add_hooks(self, named: Sequence[tuple[str, str]]) -> tuple[NewHook, ...]:
        """Those that were named on the machine, but for what is there since the last start."""
        there = {(hook.name, hook.url) for hook in self.hooks.all() if hook.inside}
        new = [one for one in named if one not in there]
        return tuple(self.add_hook(name, url, inside=True) for name, url in new)

    def remove_hook(self, name: str) -> Hook | None:
        """Send nothing there any more; None where there is none of that name."""
        found = self.hooks.remove(name)
        self.feed.events.leave(_reader(name))
        return found

    def resend(self, hook: str) -> tuple[int, int]:
        """Send what a webhook did not get once more, oldest first, until it is not there.

        Returns:
            How many events it has now, and how many are left: refused again, or kept no longer.
        """
        done = 0
        for letter in reversed(self.hooks.dead(hook)[:_RESENT]):
            number = self.feed.events.number_of(letter.event)
            found = self.feed.next(number - 1) if number else None
            if found is None or found[1].id != letter.event:
                continue
            try:
                self.hooks.send(hook, self.feed.gallery, found[1])
            except AwayError:
                break
            except UnwantedError:
                continue
            self.hooks.unbury(hook, letter.event)
            done += 1
        return done, len(self.hooks.dead(hook))

    def waits(self, hook: str) -> str:
        """Why a webhook does not take an event just now; empty where it does."""
        return self._delivery.waits(_reader(hook))

    def _receivers(self) -> dict[str, Receiver]:
        found = {
            _reader(hook.name): Receiver(
                partial(self.hooks.send, hook.name, self.feed.gallery),
                partial(self.hooks.bury, hook.name),
            )
            for hook in self.hooks.all()
        }
        if self._mqtt is not None:
            found[_MQTT] = Receiver(self._mqtt.send, lambda event, why: None)
        return found


def _clear_inbox(path: Path) -> None:
    """Keep nothing of an inbox that was switched off."""
    try:
        inbox.clear(path)
    except sqlite3.Error as error:
        raise ServingError(
            f"what {str(path)!r} holds of earlier visitors cannot be erased ({error})",
            "End whatever uses it, or delete it",
        ) from error


def _reader(hook: str) -> str:
    return f"webhook {hook}"
