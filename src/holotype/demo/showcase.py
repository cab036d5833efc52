"""The gallery that the page shows: each answer with its verdict, and a fair pick of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.demo.measurement import Part
from holotype.demo.outcomes import Outcome, outcome
from holotype.demo.trials import STRANGER, Trial
from holotype.records import Decision

_SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """One probe, what was answered, and whether that was right."""

    probe: NDArray[np.uint8]  # [H, W]
    name: str  # what it really is
    decision: Decision
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The first gallery of a part, with one example each."""

    trial: Trial
    rate: float
    verdicts: tuple[Verdict, ...]  # in the order of the trial's probes
    picked_known: tuple[Verdict, ...]  # one of each enrolled class, at random
    picked_strangers: tuple[Verdict, ...]  # one of each other class; more where those are few

    def of(self, outcome: Outcome) -> tuple[Verdict, ...]:
        """All verdicts of one outcome, most similar first."""
        return tuple(
            sorted(
                (v for v in self.verdicts if v.outcome == outcome),
                key=lambda v: -(v.decision.similarity or 0.0),
            )
        )

    @property
    def known_probes(self) -> int:
        """How many probes are of enrolled classes."""
        return int((self.trial.truth != STRANGER).sum())

    @property
    def stranger_probes(self) -> int:
        """How many probes are strangers."""
        return int((self.trial.truth == STRANGER).sum())

    @property
    def stranger_kinds(self) -> int:
        """How many classes the strangers come from."""
        return len(np.unique(self.trial.kind[self.trial.truth == STRANGER]))


def showcase(part: Part) -> Shown:
    """What the page shows of a part; without verdicts where every rate was refused."""
    trial = part.first
    verdicts = (
        tuple(
            Verdict(probe, name, decision, outcome(trial.labels, int(truth), decision))
            for probe, name, truth, decision in zip(
                trial.probes, trial.probe_names, trial.truth, part.first_decisions, strict=True
            )
        )
        if part.first_decisions
        else ()
    )
    return Shown(
        trial,
        part.shown_rate,
        verdicts,
        _pick(trial, verdicts, trial.truth != STRANGER),
        _pick(trial, verdicts, trial.truth == STRANGER),
    )


def _pick(
    trial: Trial, verdicts: tuple[Verdict, ...], among: NDArray[np.bool_]
) -> tuple[Verdict, ...]:
    """As many of each class, drawn without looking at the answers; ten cards or more."""
    if not verdicts:
        return ()
    rng = np.random.default_rng(_SEED)
    kinds = np.unique(trial.kind[among])
    of_each = -(-10 // len(kinds))
    chosen = [
        rng.permutation(np.flatnonzero(among & (trial.kind == kind)))[:of_each] for kind in kinds
    ]
    return tuple(verdicts[i] for rows in chosen for i in rows)
