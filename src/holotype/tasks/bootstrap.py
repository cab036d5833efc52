"""Intervals of shares that come from resampling classes, never from counting pictures.

Pictures of one class stand or fall together, so a share over 11,000 pictures of 559 classes is
known no better than 559 classes tell it (cluster bootstrap, Efron and Tibshirani 1993, chapter 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.tasks.draws import below, stream, words

RESAMPLES = 2000
_ENDS = (0.025, 0.975)


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
    where few classes made all the hits.

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
    low = np.quantile(_resampled(hit, trial, best), _ENDS[0])
    high = np.quantile(_resampled(hit, trial, worst), _ENDS[1])
    # The added class can carry neither end past the measured value itself.
    return Share(value, min(float(low), value), max(float(high), value))


def difference(more: NDArray[Any], fewer: NDArray[Any], trials: NDArray[Any]) -> Share:
    """The difference of two shares of the same trials, class by class.

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
    ends = np.quantile(_resampled(gap, trial, value), _ENDS)
    return Share(value, float(ends[0]), float(ends[1]))


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
