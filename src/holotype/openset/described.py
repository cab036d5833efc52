"""What a threshold rests on where words stand for pictures.

A description and a picture are further apart than two pictures of one thing, so what the enrolled
reach among themselves says nothing of a picture that is asked against a description: neither their
ranks nor their tails count. What counts are pictures, played against the descriptions: of the
cohort, of own strangers, or unlabeled ones from the place of use. Own strangers are pictures as
strangers are, so their ranks guarantee as ever; the others estimate. Without any of them nothing
is promised, and a stated rate is refused.

Where some are shown and others described, each kind gets a threshold of its own, and of the stated
rate the share that it has of the enrolled: who is accepted exceeds the one or the other, so the
shares add up to no more than the rate (Boole's inequality).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.forking import cached_property
from holotype.openset.cohort import Cohort
from holotype.openset.evidence import USUAL_RATE, Basis, Evidence, Threshold
from holotype.openset.site import Impostors
from holotype.stats.scoring import Floats

_WEAKEST: tuple[Basis, ...] = ("default", "estimated", "guaranteed")


def evidence_of(
    cohort: Cohort,
    site: Cohort,
    keys: Sequence[Hashable],
    prototypes: Floats,
    exemplars: Floats,
    examples: int,
    default: float | None,
    described: NDArray[np.bool_],
) -> Evidence:
    """Gather it, as `Evidence.of`.

    Args:
        cohort: as there, and so the others.
        site: likewise.
        keys: likewise.
        prototypes: likewise.
        exemplars: likewise.
        examples: likewise.
        default: likewise.
        described: bool [N], of whom no picture is enrolled.
    """
    args = (cohort, site, keys, prototypes, exemplars, examples, default)
    if not described.any():
        return Evidence.of(*args)
    if described.all():
        return DescribedEvidence.of(*args)
    return replace(MixedEvidence.of(*args), described=described)


@dataclass(frozen=True, eq=False)
class DescribedEvidence(Evidence):
    """Of a gallery where nobody was shown."""

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        site: Cohort,
        keys: Sequence[Hashable],
        prototypes: Floats,
        exemplars: Floats,
        examples: int = 1,
        default: float | None = None,
    ) -> Self:
        """As `Evidence.of`; how alike descriptions are to one another counts nowhere."""
        found = super().of(cohort, site, keys, prototypes, exemplars, examples, default)
        alone = replace(found.impostors.cohort, _related_per_class=0.0)
        return replace(found, impostors=Impostors(alone, found.impostors.site))

    @property
    def another_kind(self) -> bool:
        """Probes are pictures, and the enrolled are none."""
        return True

    @property
    def _cohort_counts(self) -> bool:
        return self.impostors.site_counts or len(self.impostors.cohort.cohort) > 0

    def _doubt(self, rate: float) -> Floats:
        return np.full(len(self.enrolled), -1, np.float32)

    def _who(self) -> str:
        return super()._who().replace("enrolled", "enrolled by description alone", 1)


@dataclass(frozen=True, eq=False)
class MixedEvidence(Evidence):
    """Of a gallery where some were shown, and others described."""

    described: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    @cached_property
    def parts(self) -> tuple[tuple[NDArray[np.int64], Evidence], ...]:
        """The rows of those who were shown and of the others, each with what is known of them."""
        found = []
        for kind, rows in (
            (Evidence, np.flatnonzero(~self.described)),
            (DescribedEvidence, np.flatnonzero(self.described)),
        ):
            evidence = kind.of(
                self.impostors.cohort.cohort,
                self.impostors.site.cohort,
                [self.enrolled.keys[row] for row in rows],
                self.enrolled.prototypes[rows],
                self.enrolled.exemplars[rows],
                self.impostors.cohort.examples,
                self.default,
            )
            found.append((rows, replace(evidence, unlabeled=self.unlabeled)))
        return tuple(found)

    @property
    def another_kind(self) -> bool:
        """Some of the enrolled are no pictures."""
        return True

    def threshold(
        self, rate: float | None, claim: int | None = None, confidence: float | None = None
    ) -> Threshold:
        """As `Evidence.threshold`, of each kind by itself."""
        if claim is not None:
            rows, part = self._part_of(claim)
            return part.threshold(rate, int(np.searchsorted(rows, claim)), confidence)
        stated = rate
        if rate is None:
            rate = max(USUAL_RATE, self.smallest_rate())
            if rate >= 1:
                return self._usual(None)
        values = np.empty(len(self.enrolled), np.float32)
        bases, sources = [], []
        try:
            for rows, part in self.parts:
                found = part.threshold(rate * len(rows) / len(values), None, confidence)
                strict = found.values if found.strict is None else found.strict
                values[rows] = np.maximum(found.values, strict)
                bases.append(found.basis)
                sources.append(found.source)
        except RateError:
            if stated is None:
                return self._usual(None)
            raise self.refusal(stated) from None
        return Threshold(values, rate, min(bases, key=_WEAKEST.index), sources[-1])

    def smallest_rate(self, guaranteed: bool = False, claim: int | None = None) -> float:
        """As `Evidence.smallest_rate`: of which each kind supports its share."""
        if claim is not None:
            rows, part = self._part_of(claim)
            return part.smallest_rate(guaranteed, int(np.searchsorted(rows, claim)))
        count = len(self.enrolled)
        rates = [part.smallest_rate(guaranteed) * count / len(rows) for rows, part in self.parts]
        return min(max(rates), 1.0)

    def band(self, rate: float) -> None:
        """Nothing is known of how far such galleries scatter."""

    def _usual(self, claim: int | None) -> Threshold:
        """Where nothing is promised."""
        level = max(part.threshold(None).values.max() for _, part in self.parts)
        return self._flat(float(level), USUAL_RATE, claim, "default", "default")

    def _part_of(self, claim: int) -> tuple[NDArray[np.int64], Evidence]:
        return self.parts[int(self.described[claim])]
