"""How many calls a client may make: so many a minute, and as many at once as it has left over."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_REMEMBERED = 10_000  # clients; whoever asked longest ago is forgotten, and has all that is allowed


class Allowance:
    """What is left to each client, as a bucket that fills with time.

    Args:
        a_minute: how many calls; half of them may come at once.
        clock: seconds, which never go back.
    """

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.a_minute = a_minute
        self._most = max(1.0, a_minute / 2)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, and when

    def take(self, client: str) -> float:
        """Count one call of a client; 0, or for how many seconds it is refused."""
        now, a_second = self._clock(), self.a_minute / 60
        left, then = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - then) * a_second)
        refused = left < 1
        self._left[client] = (left if refused else left - 1), now
        while len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return (1 - left) / a_second if refused else 0.0
