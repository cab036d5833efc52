"""Pictures from the place of use that nobody has labeled, and what they tell of impostors.

Whoever is on a picture, at most one identity is right, so its runner-up is an impostor score, and
in the very condition in which probes come. If the picture shows a stranger its best is one as well.
Which of the two counts is weighed by the gap between them, on the scale of -log(1 - s): there the
gaps between the highest of many scores are exponential, that between best and second with twice the
mean of that between second and third (Renyi 1953); of somebody enrolled it is longer. The share of
strangers and the mean of the longer gaps are fitted by expectation maximization (Dempster, Laird
and Rubin 1977).

A video of one person is not 200 people: pictures that are as alike as those of two visitors hardly
ever are belong to one, and every visitor counts once. How alike those of two are is seen where two
different identities are probably right; if that is seldom, on the enrolled. So the scores of
visitors are asked as those of a cohort's classes are (`openset.threshold`). What they say is an
estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.openset import predictive
from holotype.openset.scale import Doubles, negative_log_distance
from holotype.openset.threshold import ThresholdEstimator
from holotype.stats.scoring import Floats

# Pictures of two visitors are as alike with this probability, by at least so many pairs.
_ONE_VISITOR, _PAIRS, _PEAKS = 0.001, 30, 0.1
_DRAWS = 8  # scores of each visitor: one of their pictures each, its best or its runner-up
_STEPS = 200
# They are of another kind than the enrolled's own pictures where chance explains it with less.
_LEVEL = 0.01
_LEAST = 3  # identities, so that a third place exists


@dataclass(frozen=True, eq=False)
class UnlabeledScores:
    """What V visitors on U pictures reach against one state of a gallery."""

    visitor: NDArray[np.int64]  # [U] in 0..V-1
    strangers: float  # the share of visitors who are not enrolled
    evidence: ThresholdEstimator
    another_kind: bool  # whether impostors reach another level than the enrolled among themselves

    @classmethod
    def of(
        cls, vectors: Floats, prototypes: Floats, among: Doubles, reached: Doubles
    ) -> UnlabeledScores | None:
        """Play the pictures against a gallery.

        Args:
            vectors: float32 unit [U, D].
            prototypes: float32 unit [N, D].
            among: float64 [n, n], similarities of n of the enrolled to one another.
            reached: float64 [S], what each of the enrolled reaches among the others.

        Returns:
            None where there are no pictures, or fewer than three identities.
        """
        if not len(vectors) or len(prototypes) < _LEAST:
            return None
        similarity = vectors @ prototypes.T
        highest = -np.sort(-np.partition(similarity, -3, axis=1)[:, -3:], axis=1)
        places = negative_log_distance(highest)
        stranger, _ = _strangers(places, np.ones(len(places)))
        visitor = _visitors(vectors, _one_visitor(vectors, similarity, stranger, among))
        count = np.bincount(visitor)
        stranger, share = _strangers(places, 1 / count[visitor])
        rng = np.random.default_rng(0)
        order = np.argsort(visitor, kind="stable")
        start = np.cumsum(count) - count
        drawn = order[start + (rng.random((_DRAWS, len(count))) * count).astype(np.int64)]
        best = rng.random(drawn.shape) < stranger[drawn]
        scores = np.where(best, highest[drawn, 0], highest[drawn, 1]).astype(np.float32)
        index = np.tile(np.arange(len(count)), _DRAWS)
        differ = _p_value(scores[0], np.unique(reached[np.isfinite(reached)])) < _LEVEL
        return cls(visitor, share, ThresholdEstimator(scores.ravel(), index), differ)

    @property
    def visitors(self) -> int:
        """How many people or things were seen, as far as they can be told apart."""
        return self.evidence.classes


def _one_visitor(vectors: Floats, similarity: Floats, stranger: Doubles, among: Doubles) -> float:
    """From which similarity two pictures show one visitor."""
    named = np.flatnonzero(stranger < 0.5)
    who = similarity[named].argmax(axis=1)
    first, second = np.triu_indices(len(named), 1)
    two = who[first] != who[second]
    if two.sum() < _PAIRS:
        level = predictive.of_pairs(among, 1, _ONE_VISITOR)
        assert level is not None  # three identities or more
        return level
    alike = (vectors[named] @ vectors[named].T)[first[two], second[two]]
    ranked = np.sort(negative_log_distance(alike))[::-1]
    peaks = math.ceil(_PEAKS * len(ranked))
    return predictive.beyond(ranked, peaks, len(named), peaks / len(ranked), _ONE_VISITOR)


def _visitors(vectors: Floats, level: float) -> NDArray[np.int64]:
    """Who is on each picture: the first one that it is that much alike to, or somebody new."""
    alike = vectors @ vectors.T
    first: list[int] = []
    visitor = np.zeros(len(vectors), np.int64)
    for row in range(len(vectors)):
        seen = np.flatnonzero(alike[row, first] >= level)
        visitor[row] = seen[0] if len(seen) else len(first)
        if not len(seen):
            first.append(row)
    return visitor


def _strangers(places: Doubles, weight: Doubles) -> tuple[Doubles, float]:
    """How probably each picture shows a stranger [U], and the share of strangers.

    Args:
        places: float64 [U, 3], the three highest scores, negative log distances.
        weight: float64 [U].
    """
    gap = places[:, 0] - places[:, 1]
    of_strangers = max(2 * float(np.average(places[:, 1] - places[:, 2], weights=weight)), 1e-9)
    longer, share = max(2 * float(np.average(gap, weights=weight)), 3 * of_strangers), 0.5
    stranger = np.full(len(gap), share)
    for _ in range(_STEPS):
        one = share / of_strangers * np.exp(-gap / of_strangers)
        other = (1 - share) / longer * np.exp(-gap / longer)
        stranger = one / (one + other)
        share = float(np.average(stranger, weights=weight))
        mean = float(np.average(gap, weights=weight * (1 - stranger) + 1e-12))
        longer = max(mean, 2 * of_strangers)
    return stranger, share


def _p_value(some: Floats, others: Doubles) -> float:
    """That chance alone sets two samples apart (Mann and Whitney 1947, by the normal law)."""
    n, m = len(some), len(others)
    if n < 2 or m < 2:
        return 1.0
    below = np.searchsorted(np.sort(others), some.astype(np.float64), side="left").sum()
    z = (float(below) - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))
