"""Intervals of shares that come from resampling classes, never from counting pictures alone.

Pictures of one class stand or fall together, so a share over 11,000 pictures of 559 classes is
known no better than 559 classes tell it (cluster bootstrap, Efron and Tibshirani 1993, chapter 8).

Where classes happen to agree, resampling them shows no variation at all, as if the share were
certain. Yet it is never known better than from as many independent pictures: pictures of one class
are not less alike than pictures of different ones (Donner and Klar 1993), and a few classes that
agree are weak evidence that all do. So every interval holds the one that counts pictures, with
Student's t for the number of classes (Korn and Graubard 1998, "Confidence intervals for proportions
with small expected number of positive counts estimated from survey data", with a design effect of
one; in Wilson's form, as Franco et al. 2019 recommend).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.stats.random_choice import below, stream, words

RESAMPLES = 2000
_ENDS = (0.025, 0.975)
_Z = 1.959963984540054  # the normal quantile of the upper end


@dataclass(frozen=True, slots=True)
class Share:
    """A measured share, a fraction, with its 95 % interval over classes."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """The share and its interval, ready for `json.dumps`."""
        return {
            "value": round(self.value, 6),
            "ci95": [round(self.low, 6), round(self.high, 6)],
        }


def share(hits: NDArray[Any], trials: NDArray[Any]) -> Share:
    """The share of hits among all trials.

    The classes that were not seen are unlike those that were. So one more class takes part in the
    resampling: for the upper end it has the highest share that any class had, for the lower end
    the lowest; where nothing (everything) was a hit, it is nothing but hits (misses). That keeps
    the interval from collapsing to a point where nothing was found, and from being too narrow
    where few classes made all the hits. Where classes agree, the interval is that of as many
    independent trials (see above).

    Args:
        hits: [C], how many of a class's trials were hits.
        trials: [C]; classes without trials take no part. At least one trial.

    Returns:
        The pooled share; its interval is (0, 1) where there is only one class.
    """
    seen = trials > 0
    hit, trial = hits[seen].astype(np.float64), trials[seen].astype(np.float64)
    value = float(hit.sum() / trial.sum())
    if len(trial) < 2:
        return Share(value, 0.0, 1.0)
    each = hit / trial
    worst = float(each.max()) if each.any() else 1.0
    best = float(each.min()) if (each < 1).any() else 0.0
    low = float(np.quantile(_resampled(hit, trial, best), _ENDS[0]))
    high = float(np.quantile(_resampled(hit, trial, worst), _ENDS[1]))
    least, most = _wilson(value, float(trial.sum()), _student(len(trial) - 1))
    # The added class can carry neither end past the measured value itself.
    return Share(value, max(min(low, least, value), 0.0), min(max(high, most, value), 1.0))


def difference(more: NDArray[Any], fewer: NDArray[Any], trials: NDArray[Any]) -> Share:
    """The difference of two shares of the same trials, class by class.

    Where classes agree, the interval is that of as many independent pairs (Bonett and Price 2012),
    those that differ taken to be as few as the classes' sums allow.

    Args:
        more: [C], hits of the one kind.
        fewer: [C], hits of the other.
        trials: [C], at least one.

    Returns:
        (more - fewer) / trials; interval (-1, 1) where there is only one class.
    """
    seen = trials > 0
    gap, trial = (more - fewer)[seen].astype(np.float64), trials[seen].astype(np.float64)
    value = float(gap.sum() / trial.sum())
    if len(trial) < 2:
        return Share(value, -1.0, 1.0)
    low, high = (float(end) for end in np.quantile(_resampled(gap, trial, value), _ENDS))
    gained, lost = float(gap[gap > 0].sum()), float(-gap[gap < 0].sum())
    least, most = _bonett_price(gained, lost, float(trial.sum()), _student(len(trial) - 1))
    return Share(value, max(min(low, least, value), -1.0), min(max(high, most, value), 1.0))


def _wilson(share: float, trials: float, t: float) -> tuple[float, float]:
    """The score interval of a share of independent trials (Wilson 1927), t for the quantile."""
    weight = t * t / trials
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight * weight / 4) / (1 + weight)
    return middle - half, middle + half


def _bonett_price(gained: float, lost: float, trials: float, t: float) -> tuple[float, float]:
    """The interval of a difference of paired shares, `gained` and `lost` the pairs that differ."""
    one, other = (gained + 1) / (trials + 2), (lost + 1) / (trials + 2)
    half = t * math.sqrt((one + other - (one - other) ** 2) / (trials + 2))
    return one - other - half, one - other + half


def _student(degrees: int) -> float:
    """The 97.5 % quantile of Student's t, to 0.2 % (Abramowitz and Stegun 1964, 26.7.5)."""
    if degrees <= 2:  # there exact
        return math.tan(0.475 * math.pi) if degrees == 1 else 0.95 * math.sqrt(2 / (1 - 0.95**2))
    z, d = _Z, degrees
    return (
        z
        + (z**3 + z) / (4 * d)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * d**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * d**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * d**4)
    )


def _resampled(
    hits: NDArray[np.float64], trials: NDArray[np.float64], unseen: float
) -> NDArray[np.float64]:
    """The share in each resample of C classes and one unseen one: float64 [RESAMPLES]."""
    typical = trials.mean()
    counts = _counts(len(trials) + 1)
    drawn_hits: NDArray[np.float64] = counts @ np.append(hits, unseen * typical)
    drawn_trials: NDArray[np.float64] = counts @ np.append(trials, typical)
    return drawn_hits / drawn_trials


@lru_cache(maxsize=8)
def _counts(classes: int) -> NDArray[np.float64]:
    # How often each class occurs in each resample: [RESAMPLES, classes], the same every time.
    chosen = below(words(stream(0), RESAMPLES, classes), classes)
    chosen += np.arange(RESAMPLES)[:, None] * classes
    counts = np.bincount(chosen.ravel(), minlength=RESAMPLES * classes)
    return counts.reshape(RESAMPLES, classes).astype(np.float64)
