"""The owner's own strangers beside the cohort: two kinds of draws, one threshold.

A pack's cohort was drawn, printed or photographed elsewhere. Where the probes come from another
pen, camera or form, strangers may reach more than the cohort does: with a printed frame around
each character, most of them get in at any stated rate. Pictures of people or things that are not
enrolled, taken where the probes are taken, show it.

To pool a few of them with thousands of cohort items would change nothing. So they speak for
themselves, as far as they reach:

1. Where their classes support the stated rate (`Evidence`) with room to spare, the threshold is
   theirs alone. At the smallest rate that they support at all it would be needlessly high.
2. Below that, the cohort lends the shape of its tail: its threshold is moved, on the scale of
   `depth`, by as much as the own strangers lie above the cohort, measured as the mean of the
   highest draws of either, and taken at the upper end of what resampling their classes allows.
   The mean of a tail needs far fewer classes than its quantiles. Half a dozen classes are compared
   as wholes; the more there are, the more the comparison is about the tail alone.
3. Few strangers can only make it stricter: that they happened to be unlike the enrolled is no
   reason to let more in. Nor does a stricter rate get a lower threshold than a looser one.
4. Fewer than `FEW_CLASSES` are kept but do not count: a spread cannot be told from so few.

Chosen on drawings of the selection alphabets (`bench/own_strangers.py`): clean, blurred, on a
printed line and in a printed frame. Moving by a quantile instead of the mean of the tail turned
more of the enrolled away; matching the spread as well broke the promise where classes are few.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from holotype.calibration.cohort import Cohort
from holotype.calibration.depth import Doubles, depth
from holotype.calibration.draws import StrangerDraws
from holotype.calibration.threshold import CONFIDENCE, FEW_CLASSES, Evidence, refusal
from holotype.forking import cached_property
from holotype.scoring import Floats

# As many classes' worth of the highest own draws are compared with the same share of the cohort's.
_TAIL_CLASSES = 8
# Own strangers speak for themselves from so many times the smallest rate that they support.
_ROOM = 2.0


@dataclass(frozen=True, eq=False)
class GalleryDraws:
    """What strangers reach against one state of a gallery; made by `of`, then `follow`ed."""

    cohort: StrangerDraws
    own: StrangerDraws  # against an empty cohort where the owner has given none

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        own: Cohort,
        keys: Sequence[Hashable],
        prototypes: Floats,
        examples: int = 1,
    ) -> GalleryDraws:
        """Play both kinds of strangers against a gallery; see `StrangerDraws.of`.

        Args:
            cohort: of the model pack.
            own: embeddings of the owner's own strangers, or of nobody.
            keys: N distinct ones.
            prototypes: float32 unit [N, D].
            examples: how many examples an identity typically has.
        """
        state = tuple(keys), prototypes, examples
        return cls(StrangerDraws.of(cohort, *state), StrangerDraws.of(own, *state))

    def follow(
        self, keys: Sequence[Hashable], prototypes: Floats, examples: int = 1
    ) -> GalleryDraws:
        """The draws against the next state of the gallery; see `StrangerDraws.follow`."""
        state = tuple(keys), prototypes, examples
        difference = self.cohort.difference(state[0], prototypes)
        return GalleryDraws(
            self.cohort.follow(*state, difference), self.own.follow(*state, difference)
        )

    def with_own(self, own: Cohort) -> GalleryDraws:
        """The draws of the same cohort and other own strangers."""
        state = self.cohort.keys, self.cohort.prototypes, self.cohort.examples
        return GalleryDraws(self.cohort, StrangerDraws.of(own, *state))

    def claim(self, key: Hashable) -> GalleryDraws:
        """The draws against one identity alone."""
        return GalleryDraws(self.cohort.claim(key), self.own.claim(key))

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """What identifies the enrolled: N."""
        return self.cohort.keys

    @cached_property
    def own_classes(self) -> int:
        """How many people or things the own strangers are."""
        return len(np.unique(self.own.cohort.class_index))

    def threshold(self, rate: float, name: str) -> float:
        """The similarity from which a probe is accepted, so that strangers are at a stated rate.

        Args:
            rate: in (0, 1).
            name: how the rate is called in the error, "fpir" or "fmr".

        Raises:
            RateError: neither kind of strangers supports the rate; names the smallest supported.
        """
        own, cohort = self._evidence, self.cohort.evidence
        if own is None and not cohort.classes:
            raise refusal(rate, name, f"these own strangers of {self.own_classes} classes", 1.0)
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
        """The cohort's threshold, moved to where the own strangers lie; None if it has none."""
        found = self.cohort.evidence.at(rate)
        if found is None:
            return None
        own, others = self._levels
        shift = max(float(np.quantile(own, CONFIDENCE)) - others, 0.0)
        return 1 - math.exp(-(float(depth(np.array(found))) + shift))

    def smallest_rate(self) -> float:
        """The smallest rate that can be promised for this gallery, a fraction; 1.0 if none."""
        own = 1.0 if self._evidence is None else self._evidence.smallest
        return min(own, self.cohort.smallest_rate())

    @cached_property
    def values(self) -> Floats:
        """Draws as strangers at this installation would make them: float32 [J * M].

        The cohort's, moved to where the own strangers are seen to lie.
        """
        if self._evidence is None:
            return self.cohort.values
        own, others = self._levels
        moved = 1 - np.exp(-(depth(self.cohort.values) + own.mean() - others))
        return np.asarray(np.maximum(moved, -1), dtype=np.float32)

    @property
    def without_kin(self) -> Floats:
        """Likewise, of strangers who have no kin among the enrolled: float32 [M].

        Where own strangers show how alike those of this place are, nothing is left to suppose.
        """
        return self.cohort.without_kin if self._evidence is None else self.values

    @cached_property
    def _evidence(self) -> Evidence | None:
        # Kin need no allowance here: whoever walks in is of the same origins as these are.
        if self.own_classes < FEW_CLASSES or not self.keys:
            return None
        return Evidence(self.own.best, self.own.cohort.class_index)

    @cached_property
    def _levels(self) -> tuple[Doubles, float]:
        """Mean depth of the highest own draws in each resample [B], and of the cohort's."""
        assert self._evidence is not None
        share = min(1.0, _TAIL_CLASSES / self.own_classes)
        return self._evidence.mean_depths(share), self.cohort.evidence.mean_depth(share)
