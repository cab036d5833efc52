"""Own strangers mend a promise that another source has broken, as far as they reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts import cohort_of, gallery_of
from holotype.errors import RateError
from holotype.openset import Cohort, Impostors, MatchProbability
from holotype.stats.scoring import Floats, unit

COHORT = cohort_of(150, 10, seed=0, spread=0.5)
NOBODY = Cohort(np.empty((0, 32), np.float32), np.empty(0, np.int64))
# What every picture of the other source has in common, such as a printed frame.
FRAME = unit(np.random.default_rng(99).normal(size=32))
RATES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)


def framed(vectors: Floats, share: float = 0.6) -> Floats:
    return unit(vectors + share * FRAME)


def own(classes: int, each: int = 5, seed: int = 1, share: float = 0.6) -> Cohort:
    drawn = cohort_of(classes, each, seed=seed, spread=0.5)
    return Cohort(framed(drawn.embeddings, share), drawn.class_index)


def draws_of(strangers: Cohort, gallery: Floats, cohort: Cohort = COHORT) -> Impostors:
    return Impostors.of(cohort, strangers, range(len(gallery)), gallery)


def accepted(draws: Impostors, gallery: Floats, rate: float, seed: int) -> float:
    others = own(200, 5, seed=seed).embeddings
    level = draws.threshold(rate, "fpir")
    return float(((others @ gallery.T).max(axis=1) >= level).mean())


@pytest.mark.parametrize("classes", [6, 15, 60])
def test_a_shifted_source_breaks_the_promise_and_own_strangers_mend_it(classes: int) -> None:
    before, after = {0.1: [], 0.02: []}, {0.1: [], 0.02: []}
    for seed in range(8):
        gallery = framed(gallery_of(30, seed=seed))
        for rate in before:
            before[rate].append(accepted(draws_of(NOBODY, gallery), gallery, rate, 1000 + seed))
            mended = draws_of(own(classes, seed=seed + 50), gallery)
            after[rate].append(accepted(mended, gallery, rate, 1000 + seed))
    for rate in before:
        assert np.mean(before[rate]) > 3 * rate
        assert rate / 3 < np.mean(after[rate]) < 1.5 * rate


def test_nobody_changes_nothing() -> None:
    gallery = gallery_of(20, seed=2)
    plain = draws_of(NOBODY, gallery)
    few = draws_of(own(4), gallery)  # fewer than can show a spread
    for rate in RATES:
        assert plain.threshold(rate, "fpir") == plain.cohort.threshold(rate, "fpir")
        assert few.threshold(rate, "fpir") == plain.threshold(rate, "fpir")
    assert few.site_classes == 4
    np.testing.assert_array_equal(few.values, plain.values)
    assert few.smallest_rate() == plain.cohort.smallest_rate()


@given(st.integers(5, 60), st.integers(1, 6), st.floats(0, 1), st.integers(0, 5))
@settings(deadline=None, max_examples=12)
def test_a_stricter_rate_never_gets_a_lower_threshold(
    classes: int, each: int, share: float, seed: int
) -> None:
    draws = draws_of(own(classes, each, seed, share), gallery_of(20, seed=seed))
    levels = [draws.threshold(rate, "fpir") for rate in RATES]
    # The cohort's own hand-over from draws to tail may take back less than their noise.
    assert (np.diff(levels) > -0.005).all()


def test_few_strangers_unlike_the_enrolled_let_nobody_more_in() -> None:
    gallery = gallery_of(20, seed=3)
    unlike = Cohort(-gallery_of(6, seed=3), np.arange(6))
    plain, mistaken = draws_of(NOBODY, gallery), draws_of(unlike, gallery)
    for rate in (0.2, 0.1, 0.01):
        assert mistaken.threshold(rate, "fpir") >= plain.threshold(rate, "fpir")


def test_many_strangers_speak_for_themselves_also_where_the_cohort_cannot() -> None:
    gallery = gallery_of(20, seed=3)
    small = cohort_of(12, 5, seed=0, spread=0.5)
    alone = draws_of(NOBODY, gallery, small)
    with pytest.raises(RateError, match="smallest"):
        alone.threshold(0.05, "fpir")
    many = draws_of(own(120, share=0.0), gallery, small)
    assert many.smallest_rate() < 0.05 < alone.smallest_rate()
    others = cohort_of(200, 5, seed=77, spread=0.5).embeddings
    level = many.threshold(0.05, "fpir")
    assert 0.05 / 3 < ((others @ gallery.T).max(axis=1) >= level).mean() < 0.075
    with pytest.raises(RateError, match="own strangers of 120"):
        many.threshold(1e-4, "fpir")


def test_following_equals_computing_at_once() -> None:
    vectors, strangers = gallery_of(60, seed=4), own(20)
    draws = draws_of(strangers, vectors[:40])
    for keys in (range(41), range(1, 41), range(20, 60), [5, 3, 59]):
        state = list(keys), vectors[list(keys)]
        draws = draws.follow(*state)
        fresh = Impostors.of(COHORT, strangers, *state)
        np.testing.assert_array_equal(draws.site.best, fresh.site.best)
        assert draws.threshold(0.1, "fpir") == fresh.threshold(0.1, "fpir")
    other = own(30, seed=9)
    assert draws.with_site(other).threshold(0.1, "fpir") == Impostors.of(
        COHORT, other, *state
    ).threshold(0.1, "fpir")


def test_a_claim_counts_own_strangers_too() -> None:
    gallery = framed(gallery_of(20, seed=5))
    plain, mended = draws_of(NOBODY, gallery), draws_of(own(30), gallery)
    assert mended.claim(7).threshold(0.1, "fmr") > plain.claim(7).threshold(0.1, "fmr")
    assert mended.claim(7).threshold(0.1, "fmr") < mended.threshold(0.1, "fpir")


def test_the_same_similarity_is_less_probable_where_strangers_reach_more() -> None:
    gallery = framed(gallery_of(20, seed=5))
    matching = MatchProbability.fit(COHORT)
    plain, mended = draws_of(NOBODY, gallery), draws_of(own(30), gallery)
    similarity = mended.threshold(0.1, "fpir")
    assert matching.probability(similarity, 1, mended, 0.5) < matching.probability(
        similarity, 1, plain, 0.5
    )


def test_an_empty_gallery_has_no_threshold_to_move() -> None:
    draws = draws_of(own(30), gallery_of(20, seed=5)[:0])
    assert (draws.values == -np.inf).all()
