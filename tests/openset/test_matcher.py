"""The one decision: arrays in, answers out, and each rule of it seen to work."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cohorts import cohort_of, gallery_of
from holotype.errors import RateError
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.stats.scoring import Floats, top_k, unit

COHORT = cohort_of(150, 10, seed=0, spread=0.5)
MODEL = CohortModel.of(COHORT, gallery_of(200, seed=50))
GALLERY = gallery_of(30, seed=1)
FLAT_MODEL = CohortModel.of(cohort_of(150, 4, seed=0, dim=3))  # in which many are alike
PROBES = unit(np.concatenate([GALLERY[:10] + 0.1 * gallery_of(10, seed=2), gallery_of(40, seed=3)]))


def test_each_probe_gets_its_nearest_and_the_threshold_of_that_one() -> None:
    matcher = Matcher.of(MODEL, GALLERY)
    found = matcher.match(PROBES, 0.1)
    similarity = PROBES @ GALLERY.T
    assert len(found) == len(PROBES)
    np.testing.assert_array_equal(found.best, similarity.argmax(axis=1))
    np.testing.assert_array_equal(found.compared.similarity[:, 0], similarity.max(axis=1))
    np.testing.assert_array_equal(found.threshold, found.thresholds[found.best])
    np.testing.assert_array_equal(found.accepted, similarity.max(axis=1) >= found.threshold)
    assert found.match[:10].all()
    assert found.match.sum() < 20
    assert (found.rate_kind, found.rate, found.basis) == ("fpir", 0.1, "guaranteed")


@given(st.integers(1, 8), st.integers(1, 30), st.integers(0, 50))
@settings(max_examples=30)
def test_candidates_are_the_most_alike_in_order_whatever_their_number(
    k: int, enrolled: int, seed: int
) -> None:
    gallery = gallery_of(enrolled, seed)
    gallery[enrolled // 2] = gallery[0]  # equals come in the order of their rows
    matcher = Matcher.of(MODEL, gallery)
    compared = matcher.compare(PROBES, candidates=max(k, 2))
    for row, similarity in zip(compared.candidates, PROBES @ gallery.T, strict=True):
        np.testing.assert_array_equal(row, top_k(similarity, max(k, 2)))


class Missing:
    """A search that finds the most alike of some alone."""

    exact = False

    def __init__(self, prototypes: Floats, found: NDArray[np.int64]) -> None:
        self.prototypes, self.found = prototypes, found

    def nearest(self, vectors: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
        similarity = vectors @ self.prototypes[self.found].T
        best = np.array([top_k(row, k) for row in similarity])
        return self.found[best], np.take_along_axis(similarity, best, axis=1)

    def follow(self, prototypes: Floats, changes: object) -> None:
        return None


@given(st.integers(2, 40), st.data())
@settings(max_examples=100)
def test_whatever_a_search_misses_it_lets_in_nobody_else(
    enrolled: int, data: st.DataObject
) -> None:
    prototypes = gallery_of(enrolled, data.draw(st.integers(0, 20)), dim=3)
    shots = data.draw(st.sampled_from([1, 2]))
    exemplars = unit(prototypes + 0.2 * (shots - 1) * gallery_of(enrolled, 7, dim=3))
    described = np.arange(enrolled) < data.draw(st.sampled_from([0, enrolled // 3]))
    examples = np.where(described, 0, shots)
    whole = Matcher.of(FLAT_MODEL, prototypes, examples, exemplars=exemplars)
    there = st.lists(st.integers(0, enrolled - 1), min_size=2, unique=True)
    found_among, lenient = np.sort(data.draw(there)), data.draw(st.booleans())
    probes = gallery_of(1000, 8, dim=3)
    for rate in (0.5, 0.2, 0.1, None):
        try:
            exact = whole.match(probes, rate)
        except RateError:
            continue
        if lenient:  # whom a threshold lets pass that is lower than others'
            found_among = np.sort(np.argsort(exact.thresholds, kind="stable")[: enrolled // 2 + 1])
        some = whole.searching(Missing(prototypes, found_among))
        reached = exact.accepted
        if described.any():  # who is promised that the nearest of each kind reaches its threshold
            similarity = probes @ prototypes.T
            kinds = [np.where(kind, similarity, -2) for kind in (described, ~described)]
            reached = np.any([kind.max(1) >= exact.thresholds[kind.argmax(1)] for kind in kinds], 0)
        found = some.match(probes, rate)
        assert not np.greater(found.accepted, reached).any()
        assert found.basis == exact.basis


def test_who_cannot_be_told() -> None:
    twins = np.concatenate([GALLERY, GALLERY[:1]])
    matcher = Matcher.of(MODEL, twins)
    doubtful = np.zeros(len(PROBES), np.bool_)
    doubtful[5] = True
    found = matcher.match(np.concatenate([GALLERY[:1], PROBES[1:]]), 0.5, doubtful=doubtful)
    assert found.tied[0]
    assert found.cannot_tell[[0, 5]].all()
    assert not found.match[[0, 5]].any()
    assert found.match[1:5].all()
    # Unlike all that prepared the model: far from every class of the background.
    narrow = CohortModel.of(COHORT, COHORT.embeddings[:40])
    odd = unit(-COHORT.embeddings[:40].mean(axis=0))[None]
    assert Matcher.of(narrow, GALLERY).match(odd, 0.5).unfamiliar[0]
    # Where the one that it is like is unfamiliar as well, that is no reason to turn it away.
    among_its_like = Matcher.of(narrow, np.concatenate([GALLERY, odd])).match(odd, 0.5)
    assert among_its_like.compared.familiarity[0] <= 0.005
    assert not among_its_like.unfamiliar[0]
    assert among_its_like.match[0]


def test_in_one_picture_each_identity_is_at_most_once() -> None:
    matcher = Matcher.of(MODEL, GALLERY)
    less = unit(GALLERY[:2] + 0.01 * GALLERY[5:7])
    crowd = np.concatenate([less, GALLERY[:1], -GALLERY[:1]])
    doubtful = np.array([False, False, False, False])
    each = matcher.decide(matcher.compare(crowd), 0.5, doubtful)
    assert each.match[:3].all()
    assert not each.taken.any()
    found = matcher.decide(matcher.compare(crowd), 0.5, doubtful, together=True)
    assert found.taken.tolist() == [True, False, False, False]
    assert found.match[:3].tolist() == [False, True, True]
    # Who cannot be told takes nobody's place.
    doubtful[2] = True
    unclear = matcher.decide(matcher.compare(crowd), 0.5, doubtful, together=True)
    assert unclear.match[:3].tolist() == [True, True, False]
    nobody = Matcher.of(MODEL, GALLERY[:0])
    assert not nobody.decide(nobody.compare(crowd), 0.5, together=True).match.any()
    assert len(matcher.decide(matcher.compare(crowd[:0]), 0.5, together=True)) == 0


def test_nobody_is_enrolled() -> None:
    found = Matcher.of(MODEL, GALLERY[:0]).match(PROBES, 0.1)
    assert not found.match.any()
    assert np.isnan(found.threshold).all()
    assert found.thresholds.size == 0
    assert found.compared.candidates.shape == (len(PROBES), 0)


def test_a_claim_is_judged_alone() -> None:
    matcher = Matcher.of(MODEL, GALLERY)
    found = matcher.match(PROBES, 0.1, claim=4)
    np.testing.assert_array_equal(found.best, np.full(len(PROBES), 4))
    assert found.match[4]
    assert not found.match[:4].any()
    assert (found.rate_kind, found.thresholds.shape) == ("fmr", (1,))


def test_the_runner_up_decides_between_two_thresholds_of_several_examples() -> None:
    drawn = unit(GALLERY[:, None] + 0.3 * gallery_of(60, seed=4).reshape(30, 2, 32))
    matcher = Matcher.of_support(MODEL, drawn)
    threshold = matcher.threshold(0.2)
    assert threshold.strict is not None
    found = matcher.match(PROBES, 0.2)
    runner_up = found.compared.similarity[:, 1]
    beaten = runner_up <= matcher.evidence.enrolled.own_best[found.best]
    expected = np.where(beaten, threshold.strict[found.best], threshold.values[found.best])
    np.testing.assert_array_equal(found.threshold, expected)
    assert 0 < beaten.sum() < len(PROBES)


def test_probability_never_falls_as_the_similarity_rises_and_takes_a_prior() -> None:
    matcher = Matcher.of(MODEL, GALLERY)
    compared = matcher.compare(PROBES)
    hopeful, wary = (matcher.probability(compared, prior) for prior in (0.1, 0.9))
    assert (hopeful >= wary).all()
    order = np.argsort(compared.similarity[:, 0])
    assert (np.diff(hopeful[order]) >= -1e-12).all()
    with pytest.raises(RateError, match="stranger_prior=2"):
        matcher.probability(compared, 2)
    bare = Matcher.of(CohortModel.of(Cohort.none(32)), GALLERY)
    assert np.isnan(bare.probability(bare.compare(PROBES))).all()


def test_whom_a_vector_would_be_taken_for() -> None:
    matcher = Matcher.of(MODEL, GALLERY)
    reached = matcher.would_match(GALLERY[:3], 0.1)
    assert reached.shape == (3, 30)
    assert reached[[0, 1, 2], [0, 1, 2]].all()
    expected = GALLERY[:3] @ GALLERY.T >= matcher.threshold(0.1).values
    np.testing.assert_array_equal(reached, expected)


def test_following_answers_as_a_matcher_that_is_made_anew() -> None:
    site = cohort_of(12, 2, seed=7)
    matcher = Matcher.of(MODEL, GALLERY[:20], keys=range(20), site=site)
    keys = [*range(2, 20), 25, 26]
    ones = np.ones(len(keys), np.int64)
    followed = matcher.follow(GALLERY[keys], ones, GALLERY[keys], keys)
    anew = Matcher.of(MODEL, GALLERY[keys], keys=keys, site=site)
    for rate in (0.3, 0.1, 0.02, None):
        a, b = followed.match(PROBES, rate), anew.match(PROBES, rate)
        np.testing.assert_array_equal(a.match, b.match)
        np.testing.assert_array_equal(a.threshold, b.threshold)
    other = matcher.with_site(cohort_of(40, 2, seed=8))
    assert other.smallest_rate(guaranteed=True) == pytest.approx(1 / 41)


def test_a_stranger_is_accepted_at_about_the_stated_rate_without_a_cohort() -> None:
    bare, accepted = CohortModel.of(Cohort.none(32)), []
    for seed in range(150):
        everybody = cohort_of(60, 1, seed=seed, spread=0.5).embeddings
        found = Matcher.of(bare, everybody[:40]).match(everybody[40:], 0.1)
        assert found.basis == "guaranteed"
        accepted.append(found.match.mean())
    assert 0.05 < np.mean(accepted) <= 0.1 + 3 * np.std(accepted) / np.sqrt(len(accepted))


def test_it_needs_numpy_alone() -> None:
    code = (
        "import sys, holotype.openset; "
        "print(sorted(m for m in ('PIL', 'onnxruntime', 'typer', 'rich', 'torch', 'sqlite3') "
        "if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
