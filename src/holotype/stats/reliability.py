"""Whether stated probabilities come true: reliability diagram, calibration error, Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Stated probabilities against what happened. B bins of about equal mass."""

    stated: NDArray[np.float64]  # [B] mean stated probability, ascending
    observed: NDArray[np.float64]  # [B] share of the events that came true
    mass: NDArray[np.float64]  # [B] share of all probes, sums to 1
    error: float  # expected calibration error, a fraction: sum of mass * |stated - observed|
    brier: float  # mean squared distance of probability and outcome (Brier 1950)
    brier_base: float  # the same for always stating the base rate
    base_rate: float  # share of the events that came true

    def to_json(self) -> dict[str, Any]:
        """The figures and the bins, ready for `json.dumps`."""
        return {
            "expected_calibration_error": round(self.error, 6),
            "brier": round(self.brier, 6),
            "brier_of_base_rate": round(self.brier_base, 6),
            "base_rate": round(self.base_rate, 6),
            "bins": [
                {"stated": round(s, 6), "observed": round(o, 6), "mass": round(m, 6)}
                for s, o, m in zip(
                    self.stated.tolist(), self.observed.tolist(), self.mass.tolist(), strict=True
                )
            ],
        }


def reliability(
    probability: NDArray[Any], event: NDArray[np.bool_], weight: NDArray[Any]
) -> Reliability:
    """Compare probabilities with outcomes in bins of equal mass (Naeini et al. 2015, section 3).

    Equal probabilities stay in one bin, so that their order decides nothing; a step function may
    therefore fill fewer than `BINS` bins.

    Args:
        probability: [P] in [0, 1].
        event: bool [P], whether it came true.
        weight: [P] positive, how much each counts.
    """
    # Float64 throughout: millions of probes are summed.
    distinct, which = np.unique(probability.astype(np.float64), return_inverse=True)
    mass = np.bincount(which, weights=weight)
    true = np.bincount(which, weights=weight * event)
    total = mass.sum()
    middle = (np.cumsum(mass) - mass / 2) / total
    bins = np.minimum((middle * BINS).astype(np.int64), BINS - 1)
    in_bin = np.bincount(bins, weights=mass, minlength=BINS)
    filled = in_bin > 0
    stated = np.bincount(bins, weights=mass * distinct, minlength=BINS)[filled] / in_bin[filled]
    observed = np.bincount(bins, weights=true, minlength=BINS)[filled] / in_bin[filled]
    share = in_bin[filled] / total
    base = float(true.sum() / total)
    brier = float(((mass - true) * distinct**2 + true * (1 - distinct) ** 2).sum() / total)
    return Reliability(
        stated=stated,
        observed=observed,
        mass=share,
        error=float((share * np.abs(stated - observed)).sum()),
        brier=brier,
        brier_base=base * (1 - base),
        base_rate=base,
    )
