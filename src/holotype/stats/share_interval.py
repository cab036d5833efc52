"""How well a share is known from so many trials."""

from __future__ import annotations

import math
from collections.abc import Callable

_CONFIDENCE = 0.95


def interval(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Clopper and Pearson 1934): never shorter than it claims to be.

    Args:
        hits: 0 to `trials`.
        trials: independent of one another, at least 0.

    Returns:
        Lower and upper end; (0, 1) without trials.
    """
    beyond = (1 - _CONFIDENCE) / 2
    low = _root(lambda p: 1 - _at_most(hits - 1, trials, p) - beyond) if hits else 0.0
    high = _root(lambda p: beyond - _at_most(hits, trials, p)) if hits < trials else 1.0
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, trials: int, p: float) -> float:
    """The binomial distribution function."""
    if p <= 0 or p >= 1:
        return float(p <= 0)
    logs = (
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(p)
        + (trials - k) * math.log1p(-p)
        for k in range(hits + 1)
    )
    return min(math.fsum(math.exp(value) for value in logs), 1.0)
