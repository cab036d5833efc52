"""Matchers whose thresholds and probabilities a test dictates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holotype.errors import RateError
from holotype.evaluation.open_set import Prepare
from holotype.openset import Cohort, CohortModel, Matcher, Threshold
from holotype.openset.evidence import Basis, Source
from holotype.openset.matcher import Compared
from holotype.stats.scoring import Floats

Decide = Callable[[Floats, float], float]
Probability = Callable[[Floats], np.ndarray]
Ground = tuple[Basis, Source]


@dataclass(frozen=True, eq=False)
class StubMatcher(Matcher):
    """Answers as any other, with somebody else's thresholds."""

    decide_by: Decide = lambda _prototypes, _rate: 0.0
    probable: Probability | None = None
    otherwise: float | None = None
    ground: Ground = ("estimated", "cohort")

    def threshold(
        self, rate: float | None, claim: int | None = None, confidence: float | None = None
    ) -> Threshold:
        """For a claim, the gallery of that one alone is asked about."""
        asked = self.prototypes if claim is None else self.prototypes[claim : claim + 1]
        stated = 0.01 if rate is None else rate
        ground = self.ground
        try:
            level = self.decide_by(asked, stated)
        except RateError:
            if self.otherwise is None:
                raise
            level, ground = self.otherwise, ("default", "default")
        return Threshold(np.full(len(asked), level, np.float32), stated, *ground)

    def probability(self, compared: Compared, impostor_prior: float = 0.5) -> np.ndarray:
        """By the similarity of the best alone."""
        if self.probable is None:
            return np.full(len(compared.candidates), np.nan)
        return self.probable(compared.similarity[:, 0])


def deciding(
    decide: Decide,
    probable: Probability | None = None,
    *,
    otherwise: float | None = None,
    ground: Ground = ("estimated", "cohort"),
) -> Prepare:
    """What prepares such matchers.

    Args:
        decide: gets the prototypes [N, D] and the stated rate; refuses it with a RateError.
        probable: how probable a match is, of the best similarity [B].
        otherwise: the default threshold, for a rate that is refused.
        ground: what the thresholds are said to rest on.
    """

    def prepare(support: Floats) -> Matcher:
        model = CohortModel.of(Cohort.none(support.shape[-1]))
        made = Matcher.of_support(model, support)
        return StubMatcher(
            made.model,
            made.prototypes,
            made.examples,
            made.evidence,
            decide_by=decide,
            probable=probable,
            otherwise=otherwise,
            ground=ground,
        )

    return prepare


def at(threshold: float, probable: Probability | None = None) -> Prepare:
    """Matchers of one threshold for every rate."""
    return deciding(lambda _prototypes, _rate: threshold, probable)
