"""The site cohort beside the pack's cohort: two kinds of impostors, one threshold.

A pack's cohort was drawn, printed or photographed elsewhere. Where the probes come from another
pen, camera or form, impostors may reach more than the cohort does: with a printed frame around
each character, most of them get in at any stated rate. A site cohort shows it: pictures of people
or things that are not enrolled, taken where the probes are taken ("own strangers" to users).

To pool a few of them with thousands of cohort items would change nothing. So they speak for
themselves, as far as they reach:

1. Where their classes support the stated rate (`ThresholdEstimator`) with room to spare, the
   threshold is theirs alone. At the smallest rate that they support at all it would be needlessly
   high.
2. Below that, the cohort lends the shape of its tail: its threshold is moved, as a
   `negative_log_distance`, by as much as the site cohort lies above the cohort, measured as the
   mean of the highest scores of either, and taken at the upper end of what resampling their
   classes allows.
   The mean of a tail needs far fewer classes than its quantiles. Half a dozen classes are compared
   as wholes; the more there are, the more the comparison is about the tail alone.
3. Few impostors can only make it stricter: that they happened to be unlike the enrolled is no
   reason to let more in. Nor does a stricter rate get a lower threshold than a looser one.
4. Fewer than `FEW_CLASSES` are kept but do not count: a spread cannot be told from so few.

Chosen on drawings of the selection alphabets (`experiments/own_strangers.py`): clean, blurred, on a
printed line and in a printed frame. Moving by a quantile instead of the mean of the tail turned
more of the enrolled away; matching the spread as well broke the promise where classes are few.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from holotype.forking import cached_property
from holotype.openset.cohort import Cohort
from holotype.openset.impostors import Difference, ImpostorScores
from holotype.openset.scale import Doubles, negative_log_distance
from holotype.openset.threshold import CONFIDENCE, FEW_CLASSES, ThresholdEstimator, refusal
from holotype.stats.scoring import Floats

# So many classes' worth of the highest site scores are compared with that share of the cohort's.
_TAIL_CLASSES = 8
# The site cohort speaks for itself from so many times the smallest rate that it supports.
_ROOM = 2.0


@dataclass(frozen=True, eq=False)
class Impostors:
    """What impostors reach against one state of a gallery; made by `of`, then `follow`ed."""

    cohort: ImpostorScores
    site: ImpostorScores  # against an empty cohort where the owner has given none

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        site: Cohort,
        keys: Sequence[Hashable],
        prototypes: Floats,
        examples: int = 1,
    ) -> Impostors:
        """Play both kinds of impostors against a gallery; see `ImpostorScores.of`.

        Args:
            cohort: of the model pack.
            site: the owner's, or of nobody.
            keys: N distinct ones.
            prototypes: float32 unit [N, D].
            examples: how many examples an identity typically has.
        """
        state = tuple(keys), prototypes, examples
        return cls(ImpostorScores.of(cohort, *state), ImpostorScores.of(site, *state))

    def follow(
        self,
        keys: Sequence[Hashable],
        prototypes: Floats,
        examples: int = 1,
        changes: Difference | None = None,
    ) -> Impostors:
        """The scores against the next state of the gallery; see `ImpostorScores.follow`."""
        state = tuple(keys), prototypes, examples
        return Impostors(self.cohort.follow(*state, changes), self.site.follow(*state, changes))

    def with_site(self, site: Cohort) -> Impostors:
        """The scores of the same cohort and another site cohort."""
        state = self.cohort.keys, self.cohort.prototypes, self.cohort.examples
        return Impostors(self.cohort, ImpostorScores.of(site, *state))

    def claim(self, key: Hashable) -> Impostors:
        """The scores against one identity alone."""
        return Impostors(self.cohort.claim(key), self.site.claim(key))

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """What identifies the enrolled: N."""
        return self.cohort.keys

    @property
    def site_classes(self) -> int:
        """How many people or things the site cohort has."""
        return self.site.cohort.classes

    def threshold(self, rate: float, name: str) -> float:
        """The similarity from which a probe is accepted, so that impostors are at a stated rate.

        Args:
            rate: in (0, 1).
            name: how the rate is called in the error, "fpir" or "fmr".

        Raises:
            RateError: neither kind of impostors supports the rate; names the smallest supported.
        """
        own, cohort = self._evidence, self.cohort.evidence
        if own is None and not cohort.classes:
            raise refusal(rate, name, f"these own strangers of {self.site_classes} classes", 1.0)
        if own is None:
            return self.cohort.threshold(rate, name)
        found = self._carried(rate)
        by_own = own.at(rate)
        if by_own is not None and (found is None or rate >= _ROOM * own.smallest):
            found = by_own
        if found is None:
            own_who = f"these own strangers of {own.classes} classes"
            who = f"this cohort of {cohort.classes} classes, or {own_who},"
            who = who if cohort.classes else own_who
            raise refusal(rate, name, who, self.smallest_rate())
        # Where one kind gives way to the other, a stricter rate keeps the higher threshold.
        looser = [
            self._carried(cohort.smallest) if rate < cohort.smallest < 1 else None,
            own.at(_ROOM * own.smallest) if rate < _ROOM * own.smallest < 1 else None,
        ]
        return max([found, *(level for level in looser if level is not None)])

    def _carried(self, rate: float) -> float | None:
        """The cohort's threshold, moved to where the site cohort lies; None if it has none."""
        found = self.cohort.evidence.at(rate)
        if found is None:
            return None
        own, others = self._levels
        shift = max(float(np.quantile(own, CONFIDENCE)) - others, 0.0)
        return 1 - math.exp(-(float(negative_log_distance(np.array(found))) + shift))

    def smallest_rate(self) -> float:
        """The smallest rate that can be promised for this gallery, a fraction; 1.0 if none."""
        own = 1.0 if self._evidence is None else self._evidence.smallest
        return min(own, self.cohort.smallest_rate())

    @cached_property
    def values(self) -> Floats:
        """What impostors at this place would reach: float32 [J * M].

        The cohort's scores, moved to where the site cohort is seen to lie.
        """
        if self._evidence is None:
            return self.cohort.values
        own, others = self._levels
        moved = 1 - np.exp(-(negative_log_distance(self.cohort.values) + own.mean() - others))
        return np.asarray(np.maximum(moved, -1), dtype=np.float32)

    @property
    def without_related(self) -> Floats:
        """Likewise, of impostors who have no relatives among the enrolled: float32 [M].

        Where a site cohort shows how alike those of this place are, nothing is left to suppose.
        """
        return self.cohort.without_related if self._evidence is None else self.values

    @property
    def site_counts(self) -> bool:
        """Whether the site cohort has enough classes to set a threshold."""
        return self._evidence is not None

    @cached_property
    def _evidence(self) -> ThresholdEstimator | None:
        # Relatives need no allowance here: whoever walks in is of the same origins as these are.
        if self.site_classes < FEW_CLASSES or not self.keys:
            return None
        return ThresholdEstimator(self.site.best, self.site.cohort.class_index)

    @cached_property
    def _levels(self) -> tuple[Doubles, float]:
        """Mean negative log distance of the highest site scores in each resample [B], and of the
        cohort's."""
        assert self._evidence is not None
        share = min(1.0, _TAIL_CLASSES / self.site_classes)
        others = self.cohort.evidence.mean_negative_log(share)
        return self._evidence.mean_negative_logs(share), others
