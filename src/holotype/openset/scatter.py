"""How far the share of strangers that one gallery lets in scatters around the stated rate.

A rank among exchangeable scores keeps the rate on average over galleries and strangers; what one
gallery lets in is random. Were its n scores independent, the share beyond the a-th highest would
have a beta distribution with parameters a and n + 1 - a (Vovk 2012, "Conditional validity of
inductive conformal predictors", proposition 2a). The enrolled are not: two who are nearest to each
other reach one and the same score, so n scores weigh as little as n / 2. Own strangers do not meet
one another, and count each. That is an estimate, measured in `experiments/gallery_band.py`; it is
no proof.
"""

from __future__ import annotations

import math
from collections.abc import Callable

PERCENTILES = (0.1, 0.9)
_STEPS = 40  # of bisection


def band(rate: float, classes: int, each: float) -> tuple[float, float]:
    """What all but a tenth of galleries let in at least, and what all but a tenth at most.

    Args:
        rate: kept on average, in (0, 1).
        classes: the exchangeable ones, the stranger with them.
        each: what one class weighs: 0.5 of the enrolled, 1 of own strangers.
    """
    low, high = (_let_in(rate, classes * each, share) for share in PERCENTILES)
    return low, high


def mean_rate(rate: float, confidence: float, classes: int, each: float) -> float:
    """The rate to keep on average, so that a share of galleries lets in at most `rate`.

    Args:
        rate: in (0, 1).
        confidence: the share of galleries, in (0, 1).
        classes: as for `band`.
        each: likewise.

    Returns:
        At most `rate`.
    """
    weight = classes * each
    return _rising(
        lambda mean: confidence - _beta(rate, mean * weight, (1 - mean) * weight), 1e-9, rate
    )


def confident_rate(mean: float, confidence: float, classes: int, each: float) -> float:
    """The reverse of `mean_rate`, at least `mean`."""
    return max(mean, _let_in(mean, classes * each, confidence))


def _let_in(mean: float, weight: float, share: float) -> float:
    """The quantile of a beta distribution with that mean, whose parameters add up to `weight`."""
    a, b = mean * weight, (1 - mean) * weight
    return _rising(lambda x: _beta(x, a, b) - share, 0.0, 1.0)


def _rising(function: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The distribution function of a beta distribution: a continued fraction (DLMF 8.17.22)."""
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(logarithm + a * math.log(x) + b * math.log1p(-x)) / a
    fraction = 1.0
    for m in range(20 + round(4 * math.sqrt(a + b)), 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        fraction = 1 + odd / (1 + even / fraction)
    return front / fraction
