"""From a cohort of strangers to the threshold that keeps a stated false-accept rate.

The cohort holds embeddings of classes that neither trained nor selected the model. Played against
a gallery, the best similarity that each of its items reaches is one draw of what a stranger
reaches there; the threshold is a quantile of those draws, so it rises by itself as the gallery
grows. The terms FPIR and FMR are those of ISO/IEC 19795-1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.scoring import Floats

# A rate is supported while the upper end of its own uncertainty stays under this multiple of it.
MAX_OVERSHOOT = 2.0
_UPPER_QUANTILE = 0.95
_RESAMPLES = 400
_CHUNK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Cohort:
    """Embeddings of classes that are strangers to everybody enrolled."""

    embeddings: Floats  # [M, D] unit
    class_index: NDArray[np.int64]  # [M] in 0..C-1

    def __len__(self) -> int:
        return len(self.embeddings)


def parse_rate(value: float | str, name: str) -> float:
    """A stated rate as a fraction in (0, 1): `0.01`, `"0.01"` and `"1%"` all read as 0.01.

    Raises:
        RateError: not a number, or not strictly between 0 and 1.
    """
    remedy = "State a fraction between 0 and 1, such as 0.01 for one stranger in a hundred"
    try:
        text = str(value).strip()
        rate = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise RateError(f"{name}={value!r} is not a number", remedy) from None
    if not 0 < rate < 1:  # also false for NaN
        raise RateError(f"{name}={value} is not between 0 and 1", remedy)
    return rate


def stranger_draws(cohort: Cohort, prototypes: Floats) -> Floats:
    """The best similarity that each cohort item reaches against the gallery.

    Args:
        cohort: M items.
        prototypes: float32 unit [N, D], N >= 1.

    Returns:
        float32 [M].
    """
    best = np.full(len(cohort), -np.inf, dtype=np.float32)
    # In chunks: cohort times gallery would be gigabytes for a large gallery.
    for start in range(0, len(prototypes), _CHUNK_ROWS):
        similarity = cohort.embeddings @ prototypes[start : start + _CHUNK_ROWS].T
        np.maximum(best, similarity.max(axis=1), out=best)
    return best


def threshold(draws: Floats, class_index: NDArray[np.int64], rate: float, name: str) -> float:
    """The similarity from which a probe is accepted, so that strangers are at the stated rate.

    With M draws, the k-th largest for k = floor(rate * (M + 1)) is exceeded by a further
    exchangeable stranger with a probability of at most `rate` (Vovk, Gammerman and Shafer 2005,
    chapter 2: conformal prediction). Items of one class are not independent, so a rate is
    refused where resampling classes shows that the realized one could be twice as high.

    Args:
        draws: float32 [M], as from `stranger_draws`.
        class_index: int64 [M], the cohort class of each draw.
        rate: in (0, 1).
        name: how the rate is called in the error, "fpir" or "fmr".

    Returns:
        The smallest accepted similarity.

    Raises:
        RateError: the cohort is too small for the rate; names the smallest that it supports.
    """
    # Supported ranks are not monotone to the last item; asking for "any smaller rate supported"
    # keeps the answer consistent: whoever may promise 1 in 100 may promise 2 in 100.
    smallest = smallest_rate(draws, class_index)
    if rate < smallest:
        promise = "none" if smallest >= 1 else f"{smallest:.4g}"
        raise RateError(
            f"{name}={rate:g} is smaller than this cohort of "
            f"{len(np.unique(class_index))} classes can promise for this gallery "
            f"(smallest: {promise})",
            "State a rate that is not smaller, or use a model pack with a larger cohort",
        )
    rank = _rank(rate, len(draws))
    kth_largest = np.partition(draws, len(draws) - rank)[len(draws) - rank]
    return float(np.nextafter(kth_largest, np.float32(np.inf)))


def smallest_rate(draws: Floats, class_index: NDArray[np.int64]) -> float:
    """The smallest rate that the cohort supports for this gallery, a fraction; 1.0 if none.

    At a rate r, the threshold is fixed by the draws; what it would realize on other classes of
    the same kind is estimated by resampling the cohort's classes (cluster bootstrap, Efron and
    Tibshirani 1993). The rate is supported when the 95 % quantile of that stays under
    `MAX_OVERSHOOT` times r.

    Args:
        draws: float32 [M].
        class_index: int64 [M].
    """
    total = len(draws)
    _, member = np.unique(class_index, return_inverse=True)
    classes = int(member.max()) + 1
    sizes = np.bincount(member, minlength=classes)
    weights = _resamples(classes)
    items = weights @ sizes.astype(np.float32)
    order = np.argsort(-draws, kind="stable")

    def supported(rank: int) -> bool:
        above = np.bincount(member[order[:rank]], minlength=classes)
        realized = (weights @ above.astype(np.float32)) / items
        return bool(np.quantile(realized, _UPPER_QUANTILE) <= MAX_OVERSHOOT * rank / (total + 1))

    # The relative uncertainty falls as more classes lie above the threshold: bisect on the rank.
    low, high = 1, max(1, total // 2)
    if not supported(high):
        return 1.0
    while low < high:
        middle = (low + high) // 2
        if supported(middle):
            high = middle
        else:
            low = middle + 1
    return high / (total + 1)


@lru_cache(maxsize=8)
def _resamples(classes: int) -> Floats:
    # How often each class occurs in each resample: [_RESAMPLES, classes], the same every time.
    chosen = np.random.default_rng(0).integers(classes, size=(_RESAMPLES, classes))
    chosen += np.arange(_RESAMPLES)[:, None] * classes
    counts = np.bincount(chosen.ravel(), minlength=_RESAMPLES * classes)
    return counts.reshape(_RESAMPLES, classes).astype(np.float32)


def _rank(rate: float, total: int) -> int:
    # The small term keeps 0.1 * 1000 from becoming 99 by rounding.
    return max(1, math.floor(rate * (total + 1) + 1e-9))
