"""The far tail of the scores: a generalized Pareto distribution of what exceeds a high level.

Peaks over threshold: Pickands 1975; Coles 2001, chapter 4. Fitted by probability-weighted moments
(Hosking and Wallis 1987), which need no search, stand small samples, and take weights, so that the
fit of every resample of the classes is one row of the same formulas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holotype.openset.scale import Doubles

PEAKS_SHARE = 0.1  # of all scores lie above the level
MIN_PEAKS = 30
# A fit is refused when refits come as far from their peaks with a lower probability than this.
_MIN_P_VALUE = 0.05
_NEARLY_EXPONENTIAL = 1e-6


@dataclass(frozen=True, slots=True)
class Tail:
    """B fits of one tail, each to a resample: P(score > level + x) = share * survival(x)."""

    level: float
    share: Doubles  # [B] of scores above the level
    scale: Doubles  # [B] > 0
    shape: Doubles  # [B] in [-1, 0.45]

    def exceedance(self, x: float) -> Doubles:
        """The share of scores beyond an x >= level, by each fit: float64 [B]."""
        excess = np.asarray(x - self.level)
        return np.asarray(self.share * _survival(excess, self.scale, self.shape))


def fit_tail(level: float, excess: Doubles, weight: Doubles, share: Doubles) -> Tail | None:
    """Fit a tail to the peaks, and to every resample of them.

    Args:
        level: what the peaks exceed.
        excess: float64 [n] >= 0, ascending: by how much.
        weight: float64 [B, n] how often each peak occurs in a resample; the first row is the
            sample itself.
        share: float64 [B] of all scores that are peaks.

    Returns:
        The fits; None when the peaks are too few, or when the distance between them and the
        fitted curve is larger than chance explains: Cramer-von Mises, its distribution from
        the resamples, centered on the sample's own distance (Babu and Rao 2004, section 3).
    """
    if len(excess) < MIN_PEAKS or excess[-1] <= 0:
        return None
    total = weight.sum(axis=1, keepdims=True)
    if not (total > 0).all():
        return None
    # Of each peak, the share of peaks above it, itself counted by half.
    above = 1 - (np.cumsum(weight, axis=1) - weight / 2) / total
    scale, shape = _moments(excess, weight / total, above)
    fitted = _survival(excess, scale[:, None], shape[:, None])
    gap = above - fitted
    distance = (gap[0] ** 2).mean()
    by_chance = ((gap[1:] - gap[0]) ** 2).mean(axis=1)
    if (by_chance >= distance).mean() < _MIN_P_VALUE:
        return None
    return Tail(level, share, scale, shape)


def _moments(excess: Doubles, weight: Doubles, above: Doubles) -> tuple[Doubles, Doubles]:
    """Scale and shape [B] by probability-weighted moments (Hosking and Wallis 1987, section 3).

    With a0 = E[X] and a1 = E[X (1 - F(X))], the shape is 2 - a0 / (a0 - 2 a1) in the sign of
    Coles, and the mean fixes the scale: a0 = scale / (1 - shape). Shapes are kept where the
    moments exist and the density is bounded.
    """
    a0 = weight @ excess
    a1 = (weight * above) @ excess
    shape = np.clip(2 - a0 / np.maximum(a0 - 2 * a1, 1e-12), -1.0, 0.45)
    return np.maximum(a0, 1e-12) * (1 - shape), shape


def _survival(excess: Doubles, scale: Doubles, shape: Doubles) -> Doubles:
    """One minus the distribution function (Coles 2001, equation 4.2)."""
    xi = np.where(np.abs(shape) < _NEARLY_EXPONENTIAL, _NEARLY_EXPONENTIAL, shape)
    base = np.maximum(1 + xi * excess / scale, 0)
    with np.errstate(divide="ignore"):
        return np.asarray(base ** (-1 / xi))
