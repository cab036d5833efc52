"""calibration: the promised rate is kept, and refused where the cohort cannot carry it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype import calibration, scoring
from holotype.calibration import Cohort
from holotype.errors import RateError


def cohort_of(classes: int, each: int, seed: int, spread: float = 0.0, dim: int = 32) -> Cohort:
    """Classes around random centers; spread 0 makes the items of a class independent."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(classes, 1, dim)) * spread
    vectors = scoring.unit(centers + rng.normal(size=(classes, each, dim))).reshape(-1, dim)
    return Cohort(vectors, np.repeat(np.arange(classes), each))


def gallery_of(n: int, seed: int, dim: int = 32) -> np.ndarray:
    return scoring.unit(np.random.default_rng(seed).normal(size=(n, dim)))


@pytest.mark.parametrize(
    ("value", "rate"), [(0.01, 0.01), ("0.01", 0.01), ("1%", 0.01), (" 2.5 % ", 0.025)]
)
def test_rates_are_read_as_fractions(value: float | str, rate: float) -> None:
    assert calibration.parse_rate(value, "fpir") == pytest.approx(rate)


@pytest.mark.parametrize("value", [0, 1, -0.1, float("nan"), float("inf"), "", "many", "0%", 2])
def test_what_is_no_rate_is_refused(value: float | str) -> None:
    with pytest.raises(RateError, match="fpir="):
        calibration.parse_rate(value, "fpir")


def test_stranger_draws_are_the_best_over_the_gallery() -> None:
    cohort, gallery = cohort_of(10, 3, seed=0), gallery_of(2500, seed=1)  # several chunks
    np.testing.assert_allclose(
        calibration.stranger_draws(cohort, gallery),
        (cohort.embeddings @ gallery.T).max(axis=1),
        rtol=1e-5,
    )


@given(st.integers(60, 1500), st.floats(0.02, 0.5))
@settings(deadline=None, max_examples=30)
def test_no_more_of_the_cohort_than_stated_reaches_the_threshold(total: int, rate: float) -> None:
    draws = np.random.default_rng(total).normal(size=total).astype(np.float32)
    try:
        threshold = calibration.threshold(draws, np.arange(total), rate, "fpir")
    except RateError:
        return
    assert (draws >= threshold).mean() <= rate
    # And no more is turned away than that takes: one item more would break the promise.
    assert ((draws >= threshold).sum() + 2) / (total + 1) > rate


def test_new_strangers_of_the_same_kind_are_accepted_at_the_stated_rate() -> None:
    gallery = gallery_of(50, seed=3)
    shares = []
    for seed in range(60):
        cohort = cohort_of(100, 20, seed=100 + seed, spread=0.5)
        draws = calibration.stranger_draws(cohort, gallery)
        threshold = calibration.threshold(draws, cohort.class_index, 0.05, "fpir")
        strangers = cohort_of(100, 20, seed=9000 + seed, spread=0.5)
        shares.append((calibration.stranger_draws(strangers, gallery) >= threshold).mean())
    # 60 cohorts: the standard error of the mean is about 0.002.
    assert np.mean(shares) == pytest.approx(0.05, abs=0.006)


def test_the_threshold_rises_with_the_gallery() -> None:
    cohort = cohort_of(150, 20, seed=5)
    gallery = gallery_of(300, seed=6)
    thresholds = [
        calibration.threshold(
            calibration.stranger_draws(cohort, gallery[:n]), cohort.class_index, 0.05, "fpir"
        )
        for n in (10, 100, 300)
    ]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < thresholds[-1]


def test_a_rate_beyond_the_cohort_is_refused_with_the_smallest_that_is_not() -> None:
    cohort = cohort_of(150, 20, seed=7, spread=0.5)
    draws = calibration.stranger_draws(cohort, gallery_of(20, seed=8))
    smallest = calibration.smallest_rate(draws, cohort.class_index)
    assert 0 < smallest <= 0.01
    with pytest.raises(RateError, match=f"smallest: {smallest:.4g}"):
        calibration.threshold(draws, cohort.class_index, smallest / 2, "fpir")
    calibration.threshold(draws, cohort.class_index, smallest, "fpir")


def test_items_of_one_class_do_not_count_as_independent() -> None:
    draws = np.random.default_rng(0).normal(size=3000).astype(np.float32)
    independent = calibration.smallest_rate(draws, np.arange(3000))
    # The same number of items, but each class repeats one value 100 times.
    repeated = np.repeat(draws[:30], 100)
    assert calibration.smallest_rate(repeated, np.repeat(np.arange(30), 100)) > 5 * independent


def test_a_cohort_of_one_class_can_promise_nothing_small() -> None:
    draws = np.linspace(0, 1, 40, dtype=np.float32)
    with pytest.raises(RateError):
        calibration.threshold(draws, np.zeros(40, dtype=np.int64), 0.01, "fpir")
