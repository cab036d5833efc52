"""How often something happens, from how often it happened."""

from __future__ import annotations

import math

_STEPS = 60  # of bisection: to the precision of a float64


def upper_limit(events: int, sure: float = 0.95) -> float:
    """The mean that a Poisson count exceeds with this probability, where it was `events`.

    Garwood 1936 (Biometrika 28, 437-442). Of no event at 95 % it is 3.0, the rule of three
    (Hanley and Lippman-Hand 1983, JAMA 249, 1743-1745).

    Args:
        events: that were counted, 0 or more.
        sure: in (0, 1).
    """
    low, high = 0.0, 10.0 + 3.0 * events
    for _ in range(_STEPS):
        middle = (low + high) / 2
        fewer = sum(
            math.exp(k * math.log(middle) - middle - math.lgamma(k + 1)) for k in range(events + 1)
        )
        low, high = (middle, high) if fewer > 1 - sure else (low, middle)
    return high
