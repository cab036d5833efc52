"""What an open-set test counts while the galleries go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.evaluation.open_set_report import (
    BasisCount,
    Curve,
    Identification,
    Mistake,
    MistakeKind,
    NoAnswer,
    Tally,
    Verification,
)
from holotype.openset.evidence import Basis, Source
from holotype.openset.matcher import Compared, Matches
from holotype.stats.bootstrap import Share, share
from holotype.stats.scoring import Floats

_WORST = 12  # mistakes that are kept of each kind
_STEPS = 1 << 13  # of similarity, from -1 to 1, in which a curve is swept
_CURVE_POINTS = 160


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """The probes of one gallery, and where their own identity comes. P probes, N identities."""

    support: NDArray[np.int64]  # [N, K] rows of the enrolled examples
    row: NDArray[np.int64]  # [P] row of each probe
    column: NDArray[np.int64]  # [P] its identity 0..N-1; -1: a stranger
    own: Floats  # [P] the similarity to its own identity; -1 for a stranger
    rank: NDArray[np.int64]  # [P] of its own identity, 1..N, ties against it; 0 for a stranger
    compared: Compared  # with everybody
    claimed: Compared  # with identity 0

    @property
    def stranger(self) -> NDArray[np.bool_]:
        """Bool [P]: who is not enrolled."""
        return np.asarray(self.column < 0)

    @property
    def nearest(self) -> NDArray[np.int64]:
        """[P]: the identity that is most like it."""
        return self.compared.candidates[:, 0]

    @property
    def best(self) -> Floats:
        """[P]: how alike that one is, in [-1, 1]."""
        return self.compared.similarity[:, 0]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool [P]: whether the nearest identity is the probe's own."""
        return np.asarray(self.nearest == self.column)


class IdentificationTally:
    """1:N at one stated FPIR, gallery by gallery."""

    def __init__(self, rate: float, classes: int) -> None:
        self.rate = rate
        self._thresholds: list[float] = []
        self._grounds: Counter[tuple[Basis, Source]] = Counter()
        self._refusals: list[RateError] = []
        self._counts = np.zeros((len(Tally.__dataclass_fields__), classes), np.int64)
        self._why = np.zeros((2, 3), np.int64)  # of the enrolled and of strangers, as in NoAnswer
        self._mistakes: list[Mistake] = []

    def refuse(self, why: RateError) -> None:
        """Note that a gallery refused the rate."""
        self._refusals.append(why)

    @property
    def galleries(self) -> int:
        """How many galleries have answered."""
        return len(self._thresholds)

    def count(
        self,
        probes: Probes,
        kind: NDArray[np.int64],
        found: Matches,
        enrolled: NDArray[np.int64],
    ) -> None:
        """Count the answers of one gallery.

        Args:
            probes: P of them.
            kind: [P] the class of each.
            found: the answers.
            enrolled: [N] the class of each identity.
        """
        self._thresholds.append(float(np.median(found.threshold)))
        self._grounds[found.basis, found.source] += 1
        stranger, matched, unsure = probes.stranger, found.match, found.cannot_tell
        accepted, wrong = stranger & matched, ~stranger & matched & ~probes.right
        missed = ~stranger & ~(matched & probes.right)
        # In the order of the fields of Tally.
        masks = (
            stranger,
            accepted,
            ~stranger,
            missed,
            wrong,
            ~stranger & unsure,
            stranger & unsure,
        )
        for counts, mask in zip(self._counts, masks, strict=True):
            counts += np.bincount(kind[mask], minlength=len(counts))
        unfamiliar = found.unfamiliar & ~found.doubtful
        tied = found.tied & ~found.doubtful & ~unfamiliar
        for column, mask in enumerate((found.doubtful, unfamiliar, tied)):
            self._why[:, column] += (mask & ~stranger).sum(), (mask & stranger).sum()
        over, under = probes.best - found.threshold, found.threshold - probes.own
        kinds: tuple[tuple[MistakeKind, NDArray[np.bool_], Floats], ...] = (
            ("stranger_accepted", accepted, over),
            ("taken_for_another", wrong, over),
            ("missed", missed & ~wrong & ~unsure, under),
        )
        for name, mask, margin in kinds:
            rows = np.flatnonzero(mask)
            worst = rows[np.argsort(-margin[rows], kind="stable")[:_WORST]]
            self._mistakes += [
                _mistake(name, probes, i, kind, float(found.threshold[i]), enrolled)
                for i in worst.tolist()
            ]

    def result(self) -> Identification:
        """All galleries together."""
        tally = Tally(*self._counts)
        supported = [error.smallest for error in self._refusals if error.smallest is not None]
        return Identification(
            rate=self.rate,
            galleries=len(self._thresholds),
            refused=len(self._refusals),
            refusal=self._refusals[0].problem if self._refusals else None,
            smallest=float(np.median(supported)) if supported else None,
            fpir=_share(tally.accepted, tally.stranger_probes),
            fnir=_share(tally.missed, tally.enrolled_probes),
            taken_for_another=_share(tally.taken_for_another, tally.enrolled_probes),
            cannot_tell=_share(tally.cannot_tell, tally.enrolled_probes),
            strangers_cannot_tell=_share(tally.strangers_cannot_tell, tally.stranger_probes),
            enrolled_no_answer=_no_answer(self._why[0], tally.enrolled_probes),
            strangers_no_answer=_no_answer(self._why[1], tally.stranger_probes),
            threshold=float(np.median(self._thresholds)) if self._thresholds else None,
            grounds=tuple(
                BasisCount(basis, source, galleries)
                for (basis, source), galleries in self._grounds.most_common()
            ),
            tally=tally,
            mistakes=_worst(self._mistakes),
        )


class VerificationTally:
    """1:1 at one stated FMR: every probe claims to be the gallery's first identity."""

    def __init__(self, rate: float, classes: int) -> None:
        self.rate = rate
        self._claims = 0
        self._refusals: list[str] = []
        self._impostors, self._accepted, self._genuine, self._missed = np.zeros(
            (4, classes), np.int64
        )

    def refuse(self, why: str) -> None:
        """Note that the rate was refused for a claim."""
        self._refusals.append(why)

    def count(
        self,
        probes: Probes,
        kind: NDArray[np.int64],
        found: Matches,
    ) -> None:
        """Count the answers to one claim; arguments as for `IdentificationTally.count`."""
        self._claims += 1
        genuine, accepted = probes.column == 0, found.match
        for counts, mask in (
            (self._impostors, ~genuine),
            (self._accepted, ~genuine & accepted),
            (self._genuine, genuine),
            (self._missed, genuine & ~accepted),
        ):
            counts += np.bincount(kind[mask], minlength=len(counts))

    def result(self) -> Verification:
        """All claims together."""
        return Verification(
            rate=self.rate,
            claims=self._claims,
            refused=len(self._refusals),
            refusal=self._refusals[0] if self._refusals else None,
            fmr=_share(self._accepted, self._impostors),
            fnmr=_share(self._missed, self._genuine),
        )


class RankTally:
    """At which rank the right identity comes, whatever the threshold."""

    def __init__(self, enrolled: int, classes: int) -> None:
        self._ranks = np.zeros(enrolled + 1, np.int64)
        self._first, self._trials = np.zeros((2, classes), np.int64)

    def count(self, probes: Probes, kind: NDArray[np.int64]) -> None:
        """Count the enrolled probes of one gallery."""
        known = ~probes.stranger
        self._ranks += np.bincount(probes.rank[known], minlength=len(self._ranks))
        self._trials += np.bincount(kind[known], minlength=len(self._trials))
        self._first += np.bincount(kind[probes.rank == 1], minlength=len(self._trials))

    def cmc(self) -> NDArray[np.float64]:
        """Cumulative match characteristic [N]: rank-k identification rate for k = 1..N."""
        return np.asarray(np.cumsum(self._ranks[1:]) / self._ranks.sum(), np.float64)

    def rank_one(self) -> Share:
        """The share of enrolled probes whose own identity comes first."""
        return share(self._first, self._trials)


class Sweep:
    """False accepts against misses, for one threshold that sweeps all similarities."""

    def __init__(self) -> None:
        self._stranger, self._right = np.zeros((2, _STEPS), np.int64)
        self._enrolled = 0

    def count(
        self, similarity: Floats, stranger: NDArray[np.bool_], right: NDArray[np.bool_]
    ) -> None:
        """Count one gallery.

        Args:
            similarity: [P] what the threshold is compared with.
            stranger: bool [P], whose acceptance is false.
            right: bool [P], whose acceptance is right; the others are missed in any case.
        """
        step = np.clip(((similarity + 1) * (_STEPS / 2)).astype(np.int64), 0, _STEPS - 1)
        self._stranger += np.bincount(step[stranger], minlength=_STEPS)
        self._right += np.bincount(step[right & ~stranger], minlength=_STEPS)
        self._enrolled += int((~stranger).sum())

    def curve(self) -> Curve:
        """The curve, at points that lie evenly on a logarithmic axis of false accepts."""
        accepts = np.cumsum(self._stranger[::-1]) / max(1, self._stranger.sum())
        misses = 1 - np.cumsum(self._right[::-1]) / max(1, self._enrolled)
        threshold = np.arange(_STEPS - 1, -1, -1) * (2 / _STEPS) - 1
        positive = accepts[accepts > 0]
        wanted = np.geomspace(positive[0], 1, _CURVE_POINTS) if len(positive) else np.ones(1)
        # The last threshold before each wanted rate is passed: the fewest misses at that rate.
        at = np.unique(np.maximum(np.searchsorted(accepts, wanted * (1 + 1e-9), "right") - 1, 0))
        clean = np.flatnonzero(accepts == 0)[-1:]
        at = np.unique(np.concatenate([clean, at]))
        return Curve(threshold[at], accepts[at], misses[at])


def _no_answer(counts: NDArray[np.int64], probes: NDArray[np.int64]) -> NoAnswer | None:
    total = int(probes.sum())
    return NoAnswer(*(counts / total).tolist()) if total else None


def _share(hits: NDArray[np.int64], trials: NDArray[np.int64]) -> Share | None:
    return share(hits, trials) if trials.any() else None


def _mistake(
    name: MistakeKind,
    probes: Probes,
    i: int,
    kind: NDArray[np.int64],
    threshold: float,
    enrolled: NDArray[np.int64],
) -> Mistake:
    own, nearest = int(probes.column[i]), int(probes.nearest[i])
    known = own >= 0
    return Mistake(
        kind=name,
        probe=int(probes.row[i]),
        true_class=int(kind[i]),
        nearest_class=int(enrolled[nearest]),
        own_reference=int(probes.support[own, 0]) if known else None,
        nearest_reference=int(probes.support[nearest, 0]),
        # Rounding may carry the product of two unit vectors past 1.
        similarity=float(np.clip(probes.best[i], -1, 1)),
        own_similarity=float(np.clip(probes.own[i], -1, 1)) if known else None,
        threshold=threshold,
    )


def _worst(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """The worst of each kind and class, so that no class fills the list alone."""
    kept: dict[tuple[str, int], Mistake] = {}
    for mistake in sorted(mistakes, key=lambda m: (m.kind, -m.margin, m.probe)):
        kept.setdefault((mistake.kind, mistake.true_class), mistake)
    of_kind: dict[str, list[Mistake]] = {}
    for mistake in kept.values():
        of_kind.setdefault(mistake.kind, []).append(mistake)
    return tuple(mistake for group in of_kind.values() for mistake in group[:_WORST])
