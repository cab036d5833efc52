"""From what impostors reach to the threshold that keeps a stated rate.

Scores of one class are not independent, so everything that is uncertain comes from resampling
classes, never from counting scores (cluster bootstrap: Efron and Tibshirani 1993, section 8.6).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.forking import cached_property
from holotype.openset.scale import MAX_NEGATIVE_LOG, Doubles, negative_log_distance
from holotype.openset.tail import PEAKS_SHARE, Tail, fit_tail
from holotype.stats.scoring import Floats

# In this share of resamples the realized rate is at or below the stated one.
CONFIDENCE = 0.8
# A rate is refused where more than 1 resample in 20 says that it could be realized this many times
# over, or where keeping it takes a threshold that is expected to turn so many more away.
MAX_OVERSHOOT = 2.0
MAX_UNDERSHOOT = 3.0
_UPPER_QUANTILE = 0.95
# The scores speak for themselves where many classes reach the threshold, the fitted tail where few
# do. Where fewer do, nothing is promised: a curve cannot know of classes that nobody has seen.
_MANY_CLASSES, FEW_CLASSES = 10, 5
# With C classes seen, one in C + 1 of all classes may be like none of them, and half of its items
# may be accepted; less than that is not promised, whatever the scores say.
_UNSEEN_SHARE = 0.5
_RESAMPLES = 400
_LARGEST, _PRECISION = 0.5, 1.02  # where the smallest rate is sought, and how finely


def threshold(scores: Floats, class_index: NDArray[np.int64], rate: float, name: str) -> float:
    """The similarity from which a probe is accepted, so that impostors are at the stated rate.

    A quantile of the scores where they reach, otherwise of the tail that is fitted to the highest
    of them; set so that four of five resamples of the classes keep the rate.

    Args:
        scores: float32 [M], such as `ImpostorScores.values`.
        class_index: int64 [M], the cohort class of each.
        rate: in (0, 1).
        name: how the rate is called in the error, "fpir" or "fmr".

    Returns:
        The smallest accepted similarity.

    Raises:
        RateError: the cohort is too small for the rate; names the smallest that it supports.
    """
    evidence = ThresholdEstimator(scores, class_index)
    found = evidence.at(rate)
    if found is None:
        raise refusal(rate, name, f"this cohort of {evidence.classes} classes", evidence.smallest)
    return found


def refusal(
    rate: float, name: str, who: str, smallest: float, confidence: float | None = None
) -> RateError:
    """The error for a rate that `who` cannot promise."""
    promise = "none" if smallest >= 1 else f"{smallest:.4g}"
    with_confidence = "" if confidence is None else f" with confidence={confidence:g}"
    return RateError(
        f"{name}={rate:g}{with_confidence} is smaller than {who} support for this gallery "
        f"(smallest: {promise})",
        "State a rate that is not smaller, add strangers of your own with `holotype calibrate`, "
        "or use a model pack with a larger cohort",
        smallest if smallest < 1 else None,
    )


def smallest_rate(scores: Floats, class_index: NDArray[np.int64]) -> float:
    """The smallest rate that the cohort supports for this gallery, a fraction; 1.0 if none.

    Args:
        scores: float32 [M].
        class_index: int64 [M].
    """
    return ThresholdEstimator(scores, class_index).smallest


class ThresholdEstimator:
    """The scores and their resamples: what can be said of impostors, and what cannot.

    Args:
        scores: float32 [M].
        class_index: int64 [M].
    """

    def __init__(self, scores: Floats, class_index: NDArray[np.int64]) -> None:
        self.scores = scores
        _, self._member = np.unique(class_index, return_inverse=True)
        self.classes = int(self._member.max(initial=-1)) + 1
        self._sizes = np.bincount(self._member, minlength=self.classes).astype(np.float32)
        self._weights = _resamples(self.classes)
        self._items = self._weights @ self._sizes
        self._order = np.argsort(-scores, kind="stable")

    def at(self, rate: float) -> float | None:
        """The threshold at a rate; None where it is smaller than can be promised."""
        found = self._kept(rate)
        if found is None and rate >= self.smallest:
            # Support is not monotone to the last rate; what keeps a smaller rate keeps this one.
            found = self._kept(self.smallest)
        return found

    def _kept(self, rate: float) -> float | None:
        """The threshold at a rate; None where it could not honestly be kept."""
        if not self.classes or rate < _UNSEEN_SHARE / (self.classes + 1):
            return None
        if np.count_nonzero(self._reaching(math.floor(rate * len(self.scores)))) < FEW_CLASSES:
            return None
        rank = self._rank(rate)
        if np.count_nonzero(self._reaching(rank)) < _MANY_CLASSES:
            found = self._tail_threshold(rate)
            if found is not None:
                # A fitted curve may pass below its own peaks; they are a fact.
                return max(found, self._above(math.floor(rate * len(self.scores)) + 1))
        if not rank or self._upper(self._realized(rank)) > MAX_OVERSHOOT * rate:
            return None
        return self._above(rank)

    def mean_negative_log(self, share: float) -> float:
        """The mean negative log distance of the highest scores, a share in (0, 1] of them."""
        return float(self._mean_highest(share, np.ones((1, len(self.scores))))[0])

    def mean_negative_logs(self, share: float) -> Doubles:
        """The same in each resample of the classes: float64 [B]."""
        return self._mean_highest(share, self._weights[:, self._member[self._order]])

    def _mean_highest(self, share: float, weights: NDArray[np.floating]) -> Doubles:
        before = np.cumsum(weights, axis=1) - weights
        counted = np.clip(share * weights.sum(axis=1, keepdims=True) - before, 0, weights)
        return np.asarray(
            counted @ negative_log_distance(self.scores[self._order]) / counted.sum(axis=1)
        )

    def _above(self, rank: int) -> float:
        """The smallest similarity that the rank-th largest draw does not reach."""
        value = self.scores[self._order[rank - 1]]
        return float(np.nextafter(value, np.float32(np.inf)))

    @cached_property
    def smallest(self) -> float:
        """The smallest supported rate; 1.0 if there is none."""
        if self._kept(_LARGEST) is None:
            return 1.0
        low, high = math.log(0.1 / len(self.scores)), math.log(_LARGEST)
        while high - low > math.log(_PRECISION):
            middle = (low + high) / 2
            if self._kept(math.exp(middle)) is None:
                low = middle
            else:
                high = middle
        return math.exp(high)

    def _rank(self, rate: float) -> int:
        """How many of the highest scores may be reached; that one itself is turned away."""
        # Of M scores and one further impostor, each is equally likely the k-th largest (conformal
        # prediction: Vovk, Gammerman and Shafer 2005, chapter 2). The small term keeps 0.1 * 1000
        # from becoming 99 by rounding.
        low, high = 0, math.floor(rate * (len(self.scores) + 1) + 1e-9)
        while low < high:
            middle = (low + high + 1) // 2
            if np.quantile(self._realized(middle), CONFIDENCE) <= rate:
                low = middle
            else:
                high = middle - 1
        return low

    def _realized(self, rank: int) -> Floats:
        """The share of impostors that reach the rank-th largest draw, in each resample: [B].

        One unseen class takes part (as in conformal prediction with groups: Dunn, Wasserman and
        Ramdas 2023); it is counted as one of those that reach that high.
        """
        reaching = self._reaching(rank)
        share = reaching / self._sizes
        unseen = share.sum() / max(1, np.count_nonzero(share)) / (self.classes + 1)
        return np.asarray((self._weights @ reaching) / self._items + np.float32(unseen))

    def _reaching(self, rank: int) -> Floats:
        """How many scores of each class are among the highest `rank`: float32 [C]."""
        member = self._member[self._order[:rank]]
        return np.bincount(member, minlength=self.classes).astype(np.float32)

    @staticmethod
    def _upper(realized: NDArray[np.floating]) -> float:
        return float(np.quantile(realized, _UPPER_QUANTILE))

    @cached_property
    def _tail(self) -> Tail | None:
        peaks = math.floor(PEAKS_SHARE * len(self.scores))
        if peaks < 1 or self.classes < 2:
            return None
        peak = negative_log_distance(self.scores[self._order[: peaks + 1]])
        weight = self._weights[:, self._member[self._order[:peaks]]]
        return fit_tail(
            level=float(peak[-1]),
            excess=(peak[:-1] - peak[-1])[::-1],
            weight=np.vstack([np.ones(peaks), weight[:, ::-1]]),
            share=np.append(peaks / len(self.scores), self._realized(peaks)),
        )

    def _tail_threshold(self, rate: float) -> float | None:
        tail = self._tail
        if tail is None or rate >= PEAKS_SHARE:
            return None
        low, high = tail.level, MAX_NEGATIVE_LOG
        while high - low > 1e-4:
            middle = (low + high) / 2
            if np.quantile(tail.exceedance(middle)[1:], CONFIDENCE) <= rate:
                high = middle
            else:
                low = middle
        realized = tail.exceedance(high)
        if self._upper(realized[1:]) > MAX_OVERSHOOT * rate:
            return None
        return 1 - math.exp(-high) if realized[0] >= rate / MAX_UNDERSHOOT else None


@lru_cache(maxsize=8)
def _resamples(classes: int) -> Floats:
    # How often each class occurs in each resample: [_RESAMPLES, classes], the same every time.
    chosen = np.random.default_rng(0).integers(classes, size=(_RESAMPLES, classes))
    chosen += np.arange(_RESAMPLES)[:, None] * classes
    counts = np.bincount(chosen.ravel(), minlength=_RESAMPLES * classes)
    return counts.reshape(_RESAMPLES, classes).astype(np.float32)
