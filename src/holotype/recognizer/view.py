"""What is derived from one state of the gallery: prototypes, and what strangers reach."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holotype import scoring
from holotype.calibration import Cohort, GalleryDraws
from holotype.errors import RateError
from holotype.gallery import Snapshot
from holotype.records import Candidate
from holotype.scoring import Floats

# Who is this alike to an enrolled identity is named as a look-alike, and a confirmed picture this
# alike may become an example; where the rate cannot be promised, the smallest that can.
STRICT_RATE = 0.01
_MAX_LOOKALIKES = 5


@dataclass(frozen=True, eq=False)
class View:
    """One state of the gallery; made by `of`."""

    snapshot: Snapshot
    prototypes: Floats  # [N, D] unit
    examples: NDArray[np.int64]  # [N] how many each has
    draws: GalleryDraws
    _levels: dict[float, float] = field(default_factory=dict)  # stated FPIR -> similarity

    @classmethod
    def of(cls, snapshot: Snapshot, cohort: Cohort, before: View | None) -> View:
        """Derive it, at the cost of what differs from the view before."""
        count = len(snapshot.labels)
        prototypes = scoring.group_prototypes(snapshot.vectors, snapshot.owner, count)
        examples = np.bincount(snapshot.owner, minlength=count)
        typical = int(np.median(examples)) if count else 1
        state = snapshot.identities, prototypes, typical
        strangers = snapshot.strangers
        own = Cohort(strangers.vectors, strangers.class_index)
        if before is None:
            draws = GalleryDraws.of(cohort, own, *state)
        else:
            draws = before.draws.follow(*state)
            if strangers.version != before.snapshot.strangers.version:
                draws = draws.with_own(own)
        return cls(snapshot, prototypes, examples, draws)

    @property
    def labels(self) -> tuple[str, ...]:
        """The enrolled: N."""
        return self.snapshot.labels

    def vectors_of(self, label: str) -> Floats:
        """The examples of a label: float32 unit [K, D], K = 0 when it is not enrolled."""
        at = self.labels.index(label) if label in self.labels else -1
        return np.asarray(self.snapshot.vectors[self.snapshot.owner == at])

    def threshold(self, fpir: float) -> float | None:
        """The similarity from which a probe is accepted; None when nobody is enrolled.

        Raises:
            RateError: the rate cannot be promised.
        """
        if not self.labels:
            return None
        if fpir not in self._levels:
            self._levels[fpir] = self.draws.threshold(fpir, "fpir")
        return self._levels[fpir]

    def strict_threshold(self, draws: GalleryDraws | None = None) -> float | None:
        """The threshold at `STRICT_RATE`, or at the smallest rate that can be promised.

        Args:
            draws: others than those of this gallery's own strangers.

        Returns:
            None when nobody is enrolled, or no rate can be promised.
        """
        draws = draws or self.draws
        if not self.labels:
            return None
        try:
            return draws.threshold(STRICT_RATE, "fpir")
        except RateError:
            smallest = draws.smallest_rate()
            return draws.threshold(smallest, "fpir") if smallest < 1 else None

    def lookalikes(self, prototype: Floats) -> tuple[Candidate, ...]:
        """The enrolled whom a new identity would be taken for, best first.

        Args:
            prototype: float32 unit [D].
        """
        level = self.strict_threshold()
        if level is None:
            return ()
        similarity = self.prototypes @ prototype
        return tuple(
            Candidate(self.labels[i], min(float(similarity[i]), 1.0))
            for i in scoring.top_k(similarity, _MAX_LOOKALIKES)
            if similarity[i] >= level
        )
