"""Do probes still look like what the threshold was set from? Asked of numbers, whoever is on them.

Of a probe x that is nearest to identity i, alike by A, let r be the runner-up: its best similarity
to the others. L_i is what i's own example reaches among these. If probes are like the examples, x
and that example may change places: x shows i, and the two are pictures of one, or x shows a
stranger, and the two are classes of one kind. Where r and L_i are both below A, that exchange
leaves everything else as it is, so that r lies above L_i as often as below, however many of the
probes are strangers' (a sign test on pairs; exact for one pair with one example an identity, for
many as far as one exchange leaves the other pairs alone).

Too many above: others are more alike to probes than to the examples, and more strangers are let in
than stated. Too many below: less alike, and fewer than could be are recognized. Where probes are
blurred, or of another kind altogether, A itself lies low, and few pairs are left. So the runner-ups
are compared as well with what the examples reach at their second best among the others. A
stranger's runner-up is one, and that of a probe that shows an enrolled one reaches more; lower they
are by chance alone (Mann and Whitney 1947, by the normal law, the enrolled counted by half, since
two who are nearest to each other share what they reach).

One probe counts for each identity, the last that was nearest to it: a hundred frames of one visitor
are no hundred visitors.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from holotype.openset.enrolled import EnrolledScores
from holotype.openset.scale import Doubles

LEVEL = 0.01  # of an alarm where nothing has changed: a half for the pairs, a half for the rest
MIN_PROBES = 10  # fewer hardly ever show anything

Direction = Literal["more alike", "less alike"]


@dataclass(frozen=True, slots=True)
class Drift:
    """What the last probes show beside what the threshold was set from."""

    probes: int  # that count: the last one nearest to each identity
    direction: Direction | None  # to the enrolled, than they are to one another; None: as before
    p_value: float  # of the clearer of both tests, twice its own; 1 where there are too few


def drift(enrolled: EnrolledScores, last: Mapping[Hashable, tuple[float, float]]) -> Drift:
    """Compare the last probes with what the enrolled reach among themselves.

    Args:
        enrolled: their scores.
        last: key of an identity -> the similarity of the last probe that was nearest to it, and of
            its runner-up. Keys that are not enrolled any more do not count.
    """
    counted = counted_probes(enrolled, last)
    if min(len(counted), len(enrolled.second_best)) < MIN_PROBES:
        return Drift(len(counted), None, 1.0)
    nearest, runner_up, reached = counted.T
    pairs = (np.maximum(runner_up, reached) < nearest) & (runner_up != reached)
    above = int((runner_up > reached)[pairs].sum())
    below = int(pairs.sum()) - above
    signs = min(2 * _at_least(max(above, below), above + below), 1.0)
    far = _lower(runner_up, enrolled.second_best)
    p_value = min(2 * min(signs, far), 1.0)
    direction: Direction = "more alike" if signs <= far and above > below else "less alike"
    return Drift(len(counted), direction if p_value <= LEVEL else None, p_value)


def counted_probes(
    enrolled: EnrolledScores, last: Mapping[Hashable, tuple[float, float]]
) -> Doubles:
    """The probes that count, as for `drift`.

    Returns:
        float64 [P, 3]: how alike each is to its nearest identity, to its runner-up, and what that
        nearest identity's own example reaches among the others.
    """
    own = dict(zip(enrolled.keys, enrolled.own_best.tolist(), strict=True))
    # Taken at once: others may be asked meanwhile.
    rows = [
        (*values, own[key])
        for key, values in list(last.items())
        if math.isfinite(own.get(key, math.inf))
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def _at_least(hits: int, trials: int) -> float:
    """That a fair coin shows so many heads, or more."""
    return float(sum(math.comb(trials, k) for k in range(hits, trials + 1)) / 2**trials)


def _lower(some: Doubles, others: Doubles) -> float:
    """That chance alone sets some so far below the others."""
    n, m = len(some), len(others) / 2
    ordered = np.sort(others)
    ranks = np.searchsorted(ordered, some, "left") + np.searchsorted(ordered, some, "right")
    share = float(ranks.mean()) / 2 / len(others)  # of the others, who lie below
    z = (share - 0.5) / math.sqrt((n + m + 1) / (12 * n * m))
    return math.erfc(-z / math.sqrt(2)) / 2
