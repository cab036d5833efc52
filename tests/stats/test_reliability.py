from __future__ import annotations

import numpy as np
import pytest

from holotype.stats.reliability import BINS, reliability


def test_probabilities_that_come_true_have_no_error() -> None:
    probability = np.repeat([0.2, 0.8], 50)
    event = np.r_[np.arange(50) < 10, np.arange(50) < 40]
    found = reliability(probability, event, np.ones(100))
    assert found.error == pytest.approx(0)
    assert found.observed.tolist() == [0.2, 0.8]
    assert found.brier == pytest.approx(0.16)
    assert found.brier_base == pytest.approx(0.25)


def test_error_is_the_mean_gap() -> None:
    # Always sure and right half the time.
    found = reliability(np.ones(10), np.arange(10) < 5, np.ones(10))
    assert (found.error, found.brier, found.base_rate) == (0.5, 0.5, 0.5)
    assert found.mass.tolist() == [1.0]


def test_weights_stand_for_the_share_of_strangers() -> None:
    probability, event = np.array([0.9, 0.9, 0.1]), np.array([True, True, False])
    found = reliability(probability, event, np.array([0.25, 0.25, 0.5]))
    assert found.base_rate == 0.5
    assert found.error == pytest.approx(0.1)


def test_bins_have_equal_mass_and_order_decides_nothing() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(3000)
    event = rng.random(3000) < probability
    found = reliability(probability, event, np.ones(3000))
    assert len(found.mass) == BINS
    assert np.ptp(found.mass) < 0.002
    assert found.error < 0.05
    turn = rng.permutation(3000)
    again = reliability(probability[turn], event[turn], np.ones(3000))
    assert again.to_json() == found.to_json()


def test_equal_probabilities_share_a_bin() -> None:
    # Outcomes sorted: a cut among equals would show one bin never and one always true.
    found = reliability(np.full(100, 0.5), np.arange(100) < 50, np.ones(100))
    assert found.error == 0
