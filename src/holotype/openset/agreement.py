"""Does a gallery belong to the world of its pack's cohort?

The enrolled should not be more alike to one another than the cohort is to them. If the two are of
one world, the share of cohort scores that each identity's own score does not pass is uniform. The
mean of their normal scores is compared with that of as many independent ones as there are distinct
scores (Hajek and Sidak 1967). The highest is left out: a pair of twins, or one person under two
labels, is no other world. One-sided: a cohort that is stricter than it need be lets nobody in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from holotype.openset.scale import Doubles
from holotype.stats.scoring import Floats

# The cohort is contradicted where chance explains its distance with less than this.
_LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether the enrolled are more alike to one another than the cohort, related classes counted
    in."""

    p_value: float  # of being so by chance; 1 where there is nothing to compare

    @classmethod
    def of(cls, enrolled: Doubles, cohort: Floats) -> Agreement:
        """Compare them.

        Args:
            enrolled: float64 [S], what each reaches among the others; -inf where there are none.
            cohort: float32 [M], what cohort items reach, related classes included.
        """
        # Two that are nearest to one another reach the same score: one fact, not two.
        scores = np.unique(enrolled[np.isfinite(enrolled)])[:-1]
        if not len(scores) or not np.isfinite(cohort).any():
            return cls(1.0)
        ranked = np.sort(cohort)
        above = len(ranked) - np.searchsorted(ranked, scores, side="left")
        share = (above + 0.5) / (len(ranked) + 1)
        normal = NormalDist()
        z = [-normal.inv_cdf(one) for one in share.tolist()]
        return cls(normal.cdf(-float(np.mean(z)) * math.sqrt(len(scores))))

    @property
    def contradicted(self) -> bool:
        """Whether the cohort is of another world than this gallery."""
        return self.p_value < _LEVEL

    @property
    def weight(self) -> float:
        """How far the cohort is believed, in [0, 1].

        The square: where the cohort is of this world, its allowance for related classes makes the
        enrolled look less alike, and the p-value is nearly always close to 1. Chosen on halves of
        the signers of CEDAR and of the packs' cohorts (`experiments/everywhere.py --choosing`).
        """
        return self.p_value**2
