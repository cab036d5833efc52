"""Who is told of what happens: listeners of the feed, and webhooks."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from holotype.records import Answer
from holotype.server.delivery import Delivery, Receiver
from holotype.server.desk import Desk
from holotype.server.feed import Feed
from holotype.server.webhooks import Hook, Hooks, NewHook, hooks_of


class Outlets:
    """All that tells of the events of one served gallery.

    Args:
        desk: that serves it.
        keep_h: for how many hours events are kept.
        answers: of which answers to `identify` events are made.

    Raises:
        ServingError: a file beside the gallery cannot be used.
    """

    def __init__(self, desk: Desk, keep_h: float, answers: Collection[Answer]) -> None:
        path = desk.path
        self.feed = Feed(desk, keep_h, answers)
        try:
            self.hooks = Hooks(hooks_of(path))
        except BaseException:
            self.feed.close()
            raise
        self._delivery = Delivery(
            self.feed, path.with_name(f"{path.name}.delivery"), self._receivers
        )

    def close(self) -> None:
        """Tell nobody any more; what was not told waits for the next server."""
        self.feed.end()
        self._delivery.close()
        self.hooks.close()
        self.feed.close()

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
        return {
            _reader(hook.name): Receiver(
                partial(self.hooks.send, hook.name, self.feed.gallery),
                partial(self.hooks.bury, hook.name),
            )
            for hook in self.hooks.all()
        }


def _reader(hook: str) -> str:
    return f"webhook {hook}"
