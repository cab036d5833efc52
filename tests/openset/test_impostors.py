"""Draws follow the gallery exactly, and know of strangers who are kin of the enrolled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cohorts import cohort_of, gallery_of, related, stranger_draws
from holotype.errors import RateError
from holotype.openset import Cohort, ImpostorScores
from holotype.pack import load_pack
from holotype.stats.scoring import unit

COHORT = cohort_of(12, 4, seed=0)
VECTORS = gallery_of(40, seed=1)


def test_stranger_draws_are_the_best_over_the_gallery() -> None:
    gallery = gallery_of(2500, seed=1)  # several chunks
    exact = (COHORT.embeddings @ gallery.T).max(axis=1)
    np.testing.assert_allclose(stranger_draws(COHORT, gallery), exact, atol=1e-3)


changes = st.lists(
    st.tuples(st.sampled_from(["enroll", "forget", "change"]), st.integers(0, 39)), max_size=12
)


@given(st.sets(st.integers(0, 39)), changes)
@settings(deadline=None, max_examples=40)
def test_following_equals_computing_at_once(start: set[int], steps: list[tuple[str, int]]) -> None:
    gallery = {key: VECTORS[key] for key in start}

    def state() -> tuple[list[int], np.ndarray]:
        return list(gallery), np.array(list(gallery.values())).reshape(len(gallery), 32)

    draws = ImpostorScores.of(COHORT, *state())
    for what, key in steps:
        if what == "forget":
            gallery.pop(key, None)
        elif what == "enroll" or key in gallery:
            gallery[key] = unit(VECTORS[key] + VECTORS[(key + len(gallery)) % 40])
        draws = draws.follow(*state())
        fresh = ImpostorScores.of(COHORT, *state())
        np.testing.assert_array_equal(draws.best, fresh.best)
        np.testing.assert_array_equal(draws.values, fresh.values)
        assert draws.keys == fresh.keys


def test_several_changes_in_one_step_and_in_another_order() -> None:
    first = ImpostorScores.of(COHORT, range(30), VECTORS[:30])
    order = np.random.default_rng(0).permutation(np.arange(3, 34))
    again = first.follow([int(key) for key in order], VECTORS[order])
    fresh = ImpostorScores.of(COHORT, order.tolist(), VECTORS[order])
    np.testing.assert_array_equal(again.best, fresh.best)
    np.testing.assert_array_equal(again.values, fresh.values)


def test_the_order_of_summation_does_not_matter() -> None:
    cohort, gallery = cohort_of(50, 20, seed=2, dim=256), gallery_of(300, seed=3, dim=256)
    once = ImpostorScores.of(cohort, range(300), gallery).best
    singly = np.max([stranger_draws(cohort, row[None]) for row in gallery], axis=0)
    np.testing.assert_array_equal(once, singly)


def test_an_empty_gallery_draws_nothing() -> None:
    draws = ImpostorScores.of(COHORT, [], VECTORS[:0])
    assert (draws.values == -np.inf).all()
    full = draws.follow([1], VECTORS[:1])
    np.testing.assert_array_equal(full.best, ImpostorScores.of(COHORT, [1], VECTORS[:1]).best)
    np.testing.assert_array_equal(full.follow([], VECTORS[:0]).best, draws.best)


def population(origins: int, seed: int) -> tuple[Cohort, np.ndarray, np.ndarray]:
    """A cohort of its own origins; a gallery and strangers that share theirs."""
    cohort = Cohort(*related(8, 160, 10, seed=seed, kinship=0.8))
    items, owner = related(origins, 2 * 100, 10, seed=seed + 1, kinship=0.8)
    return cohort, items[owner < 100][::10], items[owner >= 100]


@pytest.mark.parametrize("origins", [8, 30])
def test_relatives_of_the_enrolled_are_turned_away_at_about_the_stated_rate(origins: int) -> None:
    stated, with_relatives, without = 0.05, [], []
    for seed in range(0, 40, 2):
        cohort, gallery, strangers = population(origins, seed=seed)
        best = (strangers @ gallery.T).max(axis=1)
        draws = ImpostorScores.of(cohort, range(len(gallery)), gallery)
        with_relatives.append((best >= draws.threshold(stated, "fpir")).mean())
        plain = np.sort(stranger_draws(cohort, gallery))[::-1]
        without.append((best > plain[int(stated * len(plain))]).mean())
    assert np.mean(without) > 4 * stated
    assert stated / 3 < np.mean(with_relatives) < 1.6 * stated


def test_relatives_are_counted_in_the_gallery() -> None:
    cohort = Cohort(*related(8, 160, 10, seed=0, kinship=0.8))
    alike = related(4, 100, 1, seed=1, kinship=0.8)[0]
    unlike = related(100, 100, 1, seed=1, kinship=0.8)[0]

    def related_per_class(gallery: np.ndarray) -> float:
        return ImpostorScores.of(cohort, range(len(gallery)), gallery).related_per_class

    assert related_per_class(alike) > 1.2
    assert related_per_class(unlike) < 0.5
    # A few identities show next to nothing.
    assert related_per_class(alike[:3]) == pytest.approx(related_per_class(unlike[:3]), abs=0.3)
    assert related_per_class(alike[:0]) == 0


def test_without_origins_nobody_has_relatives() -> None:
    cohort = cohort_of(200, 10, seed=0, spread=1.0)
    draws = ImpostorScores.of(cohort, range(40), VECTORS)
    assert draws.related_per_class < 0.3


def test_a_claim_is_judged_by_itself_and_by_the_relatives_of_all() -> None:
    cohort = cohort_of(150, 20, seed=4, spread=0.5)
    draws = ImpostorScores.of(cohort, range(40), VECTORS)
    claim = draws.claim(7)
    np.testing.assert_array_equal(claim.best, stranger_draws(cohort, VECTORS[7:8]))
    assert claim.related_per_class == draws.related_per_class
    assert claim.threshold(0.05, "fmr") < draws.threshold(0.05, "fpir")


def test_a_cohort_of_one_class_has_no_relatives_and_no_promise() -> None:
    draws = ImpostorScores.of(cohort_of(1, 30, seed=0), range(5), VECTORS[:5])
    assert draws.related_per_class == 0
    assert draws.smallest_rate() == 1
    with pytest.raises(RateError):
        draws.threshold(0.1, "fpir")


@settings(deadline=None, max_examples=60)
@given(
    classes=st.one_of(st.integers(1, 40), st.integers(250, 262), st.integers(300, 620)),
    each=st.integers(1, 3),
    enrolled=st.integers(1, 60),
    kin=st.tuples(st.floats(0, 3), st.floats(0, 3)),
    seed=st.integers(0, 9),
)
@example(classes=612, each=2, enrolled=1, kin=(0.0, 0.16), seed=0)
@example(classes=257, each=1, enrolled=1, kin=(1e-300, 5e-324), seed=0)
@example(classes=256, each=1, enrolled=1, kin=(1e-3, 1e-2), seed=0)
def test_every_size_of_cohort_and_gallery_has_draws(
    classes: int, each: int, enrolled: int, kin: tuple[float, float], seed: int
) -> None:
    cohort = cohort_of(classes, each, seed=seed, spread=1.0)
    found = ImpostorScores.of(cohort, range(enrolled), gallery_of(enrolled, seed=seed + 10))
    assert found.related_per_class >= 0
    fewer, more = (replace(found, _related_per_class=k).values for k in sorted(kin))
    met = np.tile(found.best, len(fewer) // len(cohort))
    # Kin only ever add to what the enrolled reach, and more of them add no less.
    assert (met <= fewer).all()
    assert (fewer <= more).all()
    assert (more < 1.01).all()
    assert len(found.class_index) == len(found.values)
    for key in (0, enrolled - 1):
        assert np.isfinite(found.claim(key).values).all()


@pytest.mark.parametrize("pack", ["characters", "objects", "shelf", "signatures"])
def test_a_gallery_of_one_has_draws_against_every_shipped_cohort(pack: str) -> None:
    cohort = Cohort(*load_pack(pack).cohort())
    for start in range(0, len(cohort), len(cohort) // 8):
        # As a class of the cohort's kind that is not of the cohort would lie.
        one = unit(cohort.embeddings[start : start + 2].sum(axis=0, keepdims=True))
        draws = ImpostorScores.of(cohort, ["one"], one)
        assert (draws.values >= np.tile(draws.best, 4)).all()
        assert draws.claim("one").smallest_rate() < 0.1
