"""What happened, and the webhooks that are told of it."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from holotype.client.calling import Calling
from holotype.client.said import record
from holotype.served import DeadLetter, Happenings, Hook, HookState, NewHook, Resent


class Listening(Calling):
    """The events of a server."""

    def events(self, after: str | None = None, limit: int = 100) -> Happenings:
        """What happened, oldest first; its `cursor` is `after` of the next call.

        Args:
            after: the id of an event: those that came since. None: the last ones.
            limit: at most so many, up to 1,000.
        """
        asked = {"limit": limit} | ({} if after is None else {"after": after})
        return record(Happenings, self._call("GET", f"/v1/events?{urlencode(asked)}"))

    def event_picture(self, event: str) -> bytes:
        """The picture of a visitor, by the id of the event."""
        return bytes(self._call("GET", f"/v1/events/{quote(event, safe='')}/picture"))

    def webhooks(self) -> tuple[HookState, ...]:
        """The webhooks, oldest first."""
        return tuple(record(HookState, one) for one in self._call("GET", _HOOKS)["webhooks"])

    def add_webhook(self, name: str, url: str) -> NewHook:
        """Send all events there from now on; the secret is shown this once."""
        return record(NewHook, self._json("POST", _HOOKS, {"name": name, "url": url}))

    def remove_webhook(self, name: str) -> Hook:
        """Send nothing there from now on."""
        return record(Hook, self._call("DELETE", _hook(name)))

    def dead_letters(self, name: str) -> tuple[DeadLetter, ...]:
        """What a webhook did not get, newest first."""
        said = self._call("GET", f"{_hook(name)}/dead-letters")["dead_letters"]
        return tuple(record(DeadLetter, one) for one in said)

    def resend(self, name: str) -> Resent:
        """Send the last hundred of these once more, as far as the events are still kept."""
        return record(Resent, self._call("POST", f"{_hook(name)}/dead-letters/resend"))


_HOOKS = "/v1/webhooks"


def _hook(name: str) -> str:
    return f"{_HOOKS}/{quote(name, safe='')}"
