"""The promised rate is kept, and refused where the cohort cannot carry it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts import cohort_of, gallery_of, stranger_draws
from holotype.errors import RateError
from holotype.openset import smallest_rate, threshold


@given(st.integers(200, 1500), st.floats(0.02, 0.5))
@settings(deadline=None, max_examples=20)
def test_no_more_of_the_cohort_than_stated_reaches_the_threshold(total: int, rate: float) -> None:
    draws = np.random.default_rng(total).normal(size=total).astype(np.float32) / 10
    try:
        level = threshold(draws, np.arange(total), rate, "fpir")
    except RateError:
        return
    reached = (draws >= level).mean()
    assert reached <= rate
    assert reached >= rate / 3 - 2 / total


@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_four_of_five_cohorts_keep_the_rate_with_new_strangers(rate: float) -> None:
    gallery = gallery_of(50, seed=3)
    shares = []
    for seed in range(60):
        cohort = cohort_of(150, 20, seed=100 + seed, spread=0.5)
        draws = stranger_draws(cohort, gallery)
        level = threshold(draws, cohort.class_index, rate, "fpir")
        strangers = cohort_of(150, 20, seed=9000 + seed, spread=0.5)
        shares.append((stranger_draws(strangers, gallery) >= level).mean())
    assert rate / 3 < np.mean(shares) < rate
    assert max(shares) < 2 * rate
    # The strangers of a trial vary as the cohort does, so 0.8 for their expectation is less here.
    assert np.mean(np.array(shares) <= rate) >= 0.65


def test_the_threshold_falls_as_the_rate_grows() -> None:
    cohort = cohort_of(150, 20, seed=7, spread=0.5)
    draws = stranger_draws(cohort, gallery_of(20, seed=8))
    smallest = smallest_rate(draws, cohort.class_index)
    rates = np.geomspace(smallest, 0.5, 12)
    levels = [threshold(draws, cohort.class_index, rate, "fpir") for rate in rates]
    # Where the tail hands over to the draws, a step of less than their noise is allowed.
    assert (np.diff(levels) < 0.005).all()
    assert levels[0] > levels[-1] + 0.1


def test_the_threshold_rises_with_the_gallery() -> None:
    cohort = cohort_of(150, 20, seed=5)
    gallery = gallery_of(300, seed=6)
    levels = [
        threshold(stranger_draws(cohort, gallery[:n]), cohort.class_index, 0.05, "fpir")
        for n in (10, 100, 300)
    ]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]


def test_a_rate_beyond_the_cohort_is_refused_with_the_smallest_that_is_not() -> None:
    cohort = cohort_of(150, 20, seed=7, spread=0.5)
    draws = stranger_draws(cohort, gallery_of(20, seed=8))
    smallest = smallest_rate(draws, cohort.class_index)
    assert 0.5 / 151 <= smallest <= 0.005
    with pytest.raises(RateError, match=f"fpir=.*of 150 classes.*smallest: {smallest:.4g}"):
        threshold(draws, cohort.class_index, smallest / 2, "fpir")
    threshold(draws, cohort.class_index, smallest, "fpir")


def test_more_classes_promise_smaller_rates() -> None:
    gallery = gallery_of(20, seed=8)
    few, many = cohort_of(60, 20, seed=1, spread=0.5), cohort_of(600, 20, seed=1, spread=0.5)
    assert smallest_rate(stranger_draws(many, gallery), many.class_index) < 0.5 * smallest_rate(
        stranger_draws(few, gallery), few.class_index
    )


def test_items_of_one_class_do_not_count_as_independent() -> None:
    draws = np.random.default_rng(0).normal(size=3000).astype(np.float32) / 10
    independent = smallest_rate(draws, np.arange(3000))
    # The same number of items, but each class repeats one value 100 times.
    repeated = np.repeat(draws[:30], 100)
    assert smallest_rate(repeated, np.repeat(np.arange(30), 100)) > 5 * independent


@pytest.mark.parametrize("rate", [0.01, 0.4])
def test_a_cohort_of_one_class_can_promise_nothing(rate: float) -> None:
    draws = np.linspace(0, 1, 40, dtype=np.float32)
    with pytest.raises(RateError, match="smallest: none"):
        threshold(draws, np.zeros(40, dtype=np.int64), rate, "fmr")


def test_equal_draws_are_turned_away_together() -> None:
    draws = np.full(3000, 0.25, dtype=np.float32)
    assert threshold(draws, np.arange(3000), 0.1, "fpir") > 0.25
