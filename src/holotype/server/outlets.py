"""Who is told of what happens: listeners of the feed, webhooks, a broker."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from functools import partial

from holotype.records import Answer
from holotype.server.delivery import Delivery, Receiver
from holotype.server.desk import Desk
from holotype.server.feed import KEEP_H, Feed
from holotype.server.mqtt import Mqtt
from holotype.server.webhooks import Hook, Hooks, NewHook, hooks_of

_MQTT = "mqtt"  # the reader; those of webhooks have two words


class Outlets:
    """All that tells of the events of one served gallery.

    Args:
        desk: that serves it.
        keep_h: for how many hours events are kept.
        answers: of which answers to `identify` events are made.
        mqtt: the address of a broker; None: there is none.

    Raises:
        ServingError: a file beside the gallery or the broker cannot be used.
        MissingExtraError: what speaks MQTT is not installed.
    """

    def __init__(
        self,
        desk: Desk,
        keep_h: float = KEEP_H,
        answers: Collection[Answer] = (),
        mqtt: str | None = None,
    ) -> None:
        path = desk.path
        self._mqtt: Mqtt | None = None
        with ExitStack() as opened:
            self.feed = Feed(desk, keep_h, answers)
            opened.callback(self.feed.close)
            self.hooks = Hooks(hooks_of(path))
            opened.callback(self.hooks.close)
            if mqtt is not None:
                self._mqtt = Mqtt(mqtt, self.feed.gallery, self.feed.events.name, {})
                opened.callback(self._mqtt.close)
            self._opened = opened.pop_all()
        self._delivery = Delivery(
            self.feed, path.with_name(f"{path.name}.delivery"), self._receivers
        )

    def close(self) -> None:
        """Tell nobody any more; what was not told waits for the next server."""
        self.feed.end()
        self._delivery.close()
        self._opened.close()

    def add_hook(self, name: str, url: str, *, inside: bool) -> NewHook:
        """Send events to a webhook, beginning with the next; see `Hooks.add`."""
        made = self.hooks.add(name, url, inside=inside)
        self.feed.events.reached(_reader(name))
        return made

    def remove_hook(self, name: str) -> Hook | None:
        """Send nothing there any more; None where there is none of that name."""
        found = self.hooks.remove(name)
        self.feed.events.leave(_reader(name))
        return found

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


def _reader(hook: str) -> str:
    return f"webhook {hook}"
