"""Stated probabilities come true, on classes that took no part in the fit."""

from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of, related
from holotype.errors import RateError
from holotype.openset import Cohort, ImpostorScores, MatchProbability
from holotype.stats.reliability import reliability
from holotype.stats.scoring import prototypes

SPREAD = 0.9


def played(size: int, shots: int, prior: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, whether the best was right, and weights, over several galleries."""
    found = []
    for seed in range(6):
        cohort = cohort_of(150, 20, seed=1000 + seed, spread=SPREAD)
        fitted = MatchProbability.fit(cohort)
        assert fitted is not None
        people = cohort_of(size + 60, 15, seed=seed, spread=SPREAD).embeddings
        people = people.reshape(size + 60, 15, -1)
        gallery = prototypes(people[:size, :shots])
        draws = ImpostorScores.of(cohort, range(size), gallery, shots)
        for probes, owner, share in (
            (people[:size, shots:], np.repeat(np.arange(size), 15 - shots), 1 - prior),
            (people[size:], np.full(60 * 15, -1), prior),
        ):
            similarity = probes.reshape(len(owner), -1) @ gallery.T
            chosen = np.random.default_rng(seed).permutation(len(owner))[:300]
            stated = [
                fitted.probability(s, shots, draws, prior)
                for s in similarity.max(axis=1)[chosen].tolist()
            ]
            right = (similarity.argmax(axis=1) == owner)[chosen]
            found.append((stated, right, np.full(len(chosen), share / len(chosen))))
    stated, right, weight = (np.concatenate(part) for part in zip(*found, strict=True))
    return stated, right, weight


@pytest.mark.parametrize(("size", "shots", "prior"), [(1, 1, 0.5), (10, 1, 0.2), (40, 3, 0.8)])
def test_probabilities_come_true(size: int, shots: int, prior: float) -> None:
    measured = reliability(*played(size, shots, prior))
    assert measured.error < 0.05  # its noise with a few hundred probes is about 0.03
    assert measured.brier < 0.75 * measured.brier_base


@pytest.mark.parametrize("size", [8, 40])
def test_they_come_true_where_half_of_the_strangers_are_of_the_origins_of_the_enrolled(
    size: int,
) -> None:
    found = []
    for seed in range(8):
        classes = 160
        items, owner = related(4, classes, 12, seed=100 + seed, kinship=1.0, dim=6)
        cohort = Cohort(items, owner)
        fitted = MatchProbability.fit(cohort)
        assert fitted is not None
        # Others of 8 origins; the enrolled are of four of them, half of the strangers are not.
        people, _ = related(8, classes, 12, seed=seed, kinship=1.0, dim=6)
        people = people.reshape(classes, 12, -1)
        near = np.flatnonzero(np.arange(classes) % 8 < 4)
        known, strangers = near[:size], np.setdiff1d(np.arange(classes), near[:size])
        strangers = np.concatenate([near[size:][:40], np.setdiff1d(strangers, near)[:40]])
        gallery = people[known, 0]
        draws = ImpostorScores.of(cohort, range(size), gallery)
        for probes, right_row, share in (
            (people[known, 1:], np.repeat(np.arange(size), 11), 0.5),
            (people[strangers], np.full(12 * len(strangers), -1), 0.5),
        ):
            similarity = probes.reshape(len(right_row), -1) @ gallery.T
            stated = fitted.probabilities(similarity.max(axis=1), 1, draws, 0.5)
            right = similarity.argmax(axis=1) == right_row
            found.append((stated, right, np.full(len(right), share / len(right))))
    measured = reliability(*(np.concatenate(part) for part in zip(*found, strict=True)))
    assert measured.error < 0.03  # 0.03 to 0.05 where all of them, or none, have kin
    assert measured.brier < 0.8 * measured.brier_base


COHORT = cohort_of(150, 20, seed=0, spread=SPREAD)
DRAWS = ImpostorScores.of(COHORT, range(40), COHORT.embeddings[::75])
FITTED = MatchProbability.fit(COHORT)
assert FITTED is not None


@pytest.mark.parametrize("prior", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("examples", [1, 5, 1000])
def test_more_alike_is_never_less_probable(prior: float, examples: int) -> None:
    similarity = np.linspace(-1, 1, 201)
    stated = [FITTED.probability(s, examples, DRAWS, prior) for s in similarity.tolist()]
    assert (np.diff(stated) >= 0).all()
    assert min(stated) >= 0
    assert max(stated) <= 1
    assert stated[-1] > stated[0]


def test_more_strangers_expected_makes_every_match_less_probable() -> None:
    stated = [FITTED.probability(0.6, 1, DRAWS, prior) for prior in (0, 0.2, 0.5, 0.9, 1)]
    assert stated == sorted(stated, reverse=True)
    assert stated[-1] == 0


def test_alone_and_nobody_expected_but_the_enrolled_is_certain() -> None:
    alone = ImpostorScores.of(COHORT, [1], COHORT.embeddings[:1])
    assert FITTED.probability(0.5, 1, alone, 0.0) == pytest.approx(1)


def test_where_nobody_is_enrolled_nobody_matches() -> None:
    assert FITTED.probability(0.5, 1, ImpostorScores.of(COHORT, [], DRAWS.prototypes[:0]), 0.5) == 0


@pytest.mark.parametrize("prior", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(prior: float) -> None:
    with pytest.raises(RateError, match="stranger_prior="):
        FITTED.probability(0.5, 1, DRAWS, prior)


def test_without_two_items_of_a_class_there_is_nothing_to_fit() -> None:
    assert MatchProbability.fit(Cohort(COHORT.embeddings, np.arange(len(COHORT)))) is None
