"""What is derived from one state of the gallery: prototypes, and what strangers reach."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holotype import scoring
from holotype.calibration import Cohort, GalleryDraws
from holotype.errors import RateError
from holotype.gallery import Snapshot
from holotype.records import Candidate, Reason
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
    default: float | None = None  # similarity accepted where strangers cannot promise a rate
    _levels: dict[float, tuple[float, bool]] = field(default_factory=dict)  # of stated FPIRs

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        cohort: Cohort,
        before: View | None,
        default: float | None = None,
    ) -> View:
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
        return cls(snapshot, prototypes, examples, draws, default)

    @property
    def labels(self) -> tuple[str, ...]:
        """The enrolled: N."""
        return self.snapshot.labels

    def over(self, vector: Floats | None, level: float | None) -> tuple[Reason, ...]:
        """Why a probe gets no match although it is as alike as `level` to one who was enrolled.

        Args:
            vector: unit [D] of the probe; None where it shows nothing.
            level: the threshold; None when nobody is enrolled.
        """
        gone = self.snapshot.over
        if vector is None or not gone.labels:
            return ()
        similarity = scoring.group_prototypes(gone.vectors, gone.owner, len(gone.labels)) @ vector
        at = int(similarity.argmax())
        if level is not None and similarity[at] < level:
            return ()
        text = f"{gone.labels[at]} could be kept until {gone.days[at]}, and is matched no more"
        return (Reason("retention_over", text),)

    def vectors_of(self, label: str) -> Floats:
        """The examples of a label: float32 unit [K, D], K = 0 when it is not enrolled."""
        at = self.labels.index(label) if label in self.labels else -1
        return np.asarray(self.snapshot.vectors[self.snapshot.owner == at])

    def threshold(
        self, rate: float, name: str = "fpir", draws: GalleryDraws | None = None
    ) -> tuple[float | None, bool]:
        """The similarity from which a probe is accepted, and whether it keeps the rate.

        Where the strangers are too few to promise the rate and the model has a default, it is the
        default, or what keeps the smallest rate that can be promised if that is more.

        Args:
            rate: the stated rate.
            name: of the rate, "fpir" or "fmr".
            draws: others than those against the whole gallery.

        Returns:
            None and True when nobody is enrolled.

        Raises:
            RateError: the rate cannot be promised, and there is no default.
        """
        if not self.labels:
            return None, True
        if draws is not None:
            return self._level(rate, name, draws)
        if rate not in self._levels:
            self._levels[rate] = self._level(rate, name, self.draws)
        return self._levels[rate]

    def _level(self, rate: float, name: str, draws: GalleryDraws) -> tuple[float, bool]:
        try:
            return draws.threshold(rate, name), True
        except RateError:
            if self.default is None:
                raise
            smallest = draws.smallest_rate()
            kept = draws.threshold(smallest, name) if smallest < 1 else self.default
            return max(self.default, kept), False

    def strict_threshold(self, draws: GalleryDraws | None = None) -> float | None:
        """The threshold at `STRICT_RATE`, or at the smallest rate that can be promised.

        Args:
            draws: others than those of this gallery's own strangers.

        Returns:
            None when nobody is enrolled, or no rate can be promised.
        """
        try:
            return self.threshold(STRICT_RATE, draws=draws)[0]
        except RateError:
            draws = draws or self.draws
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
