"""How high the next score may come, beyond what few scores have shown: predictive tails.

Scores are taken as -log(1 - s), where their upper tail is close to exponential. Of n scores the k
highest exceed the next one, u, by amounts whose mean is m. That a further score exceeds u by more
than t has, given that it exceeds u, the probability (1 + t / (f m)) ** -f with f = k: the ratio of
an exponential variable to the mean of k others has an F distribution with 2 and 2k degrees of
freedom (Lawless 2003, "Statistical models and methods for lifetime data", section 4.1). So not
knowing the scale is part of the prediction, and few scores make it careful.

Chosen on background characters and on halves of the classes of two collections (signatures and
faces) that were set aside for it: `python experiments/enrolled_tail.py`.
"""

from __future__ import annotations

import math

import numpy as np

from holotype.openset.scale import Doubles, negative_log_distance

_PEAKS_OF_BEST, _PEAKS_OF_PAIRS = 0.5, 0.1  # the share of scores that the tail is fitted to
_MAX_IDENTITIES = 512  # whose pairs are looked at


def of_best(best: Doubles, rate: float) -> float | None:
    """What the next stranger's best score exceeds with a probability of `rate`.

    Args:
        best: float64 [N], what each of the enrolled reaches among the others.
        rate: in (0, 1).

    Returns:
        A similarity; None for fewer than three distinct scores.
    """
    ranked = np.sort(negative_log_distance(best))[::-1]
    # Two that are nearest to one another reach the same score: one fact, not two.
    distinct = len(np.unique(ranked))
    if distinct < 3:
        return None
    peaks = max(2, math.ceil(_PEAKS_OF_BEST * len(ranked)))
    # As in the rule of ranks, the stranger and its nearest are counted among those beyond.
    reach = (peaks + 2) / (len(ranked) + 1)
    # What two identities reach depends on the same others, so the scores know half of what as many
    # independent ones would: without that, 1 % became 2 to 2.6 in galleries of 20 to 100.
    return beyond(ranked, peaks, peaks * distinct / len(ranked) / 2, reach, rate)


def of_pairs(similarity: Doubles, enrolled: int, rate: float) -> float | None:
    """What the best of a stranger's N scores exceeds with a probability of `rate`.

    Args:
        similarity: float64 [n, n], of n identities to one another.
        enrolled: N, how many there are.
        rate: in (0, 1).

    Returns:
        A similarity; None for fewer than three identities.
    """
    if len(similarity) < 3:
        return None
    pairs = similarity[np.triu_indices(len(similarity), 1)]
    ranked = np.sort(negative_log_distance(pairs))[::-1]
    peaks = min(max(2, math.ceil(_PEAKS_OF_PAIRS * len(ranked))), len(ranked) - 1)
    each = -math.expm1(math.log1p(-rate) / enrolled)
    # Pairs are many, the identities that make them are few.
    return beyond(ranked, peaks, min(peaks, len(similarity)), peaks / len(ranked), each)


def some(count: int) -> slice:
    """At most 512 of so many identities, evenly: whose pairs `of_pairs` is to be shown."""
    return slice(None, None, -(-count // _MAX_IDENTITIES) or 1)


def beyond(ranked: Doubles, peaks: int, free: float, reach: float, rate: float) -> float:
    """The similarity that is exceeded at a rate.

    Args:
        ranked: float64 [n], negative log distances, largest first.
        peaks: how many of them are the tail, at least 1 and below n.
        free: as how many independent ones they count, raised to 1.
        reach: the rate at which their level is exceeded.
        rate: in (0, 1).
    """
    if rate >= reach:
        return -math.expm1(-float(np.quantile(ranked, 1 - rate)))
    level = float(ranked[peaks])
    mean = float(ranked[:peaks].mean()) - level
    free = max(free, 1.0)
    return -math.expm1(-(level + free * mean * math.expm1(math.log(reach / rate) / free)))
