from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holotype.tasks.bootstrap import difference, share


def test_pictures_of_one_class_count_as_one_observation() -> None:
    # Ten classes, all pictures of two of them hits: as if 2 of 10, not 200 of 1,000.
    hits = np.array([100, 100] + [0] * 8)
    found = share(hits, np.full(10, 100))
    assert found.value == 0.2
    assert found.low == 0.0
    assert found.high > 0.5


def test_where_nothing_was_a_hit_the_upper_end_says_what_so_few_classes_allow() -> None:
    ends = [share(np.zeros(c, int), np.full(c, 20)).high for c in (5, 50, 500)]
    assert ends == pytest.approx([3 / 6, 3 / 51, 3 / 501], rel=0.35)
    assert share(np.zeros(50, int), np.full(50, 20)).low == 0
    everything = share(np.full(50, 20), np.full(50, 20))
    assert everything.value == everything.high == 1
    assert everything.low == pytest.approx(1 - 3 / 51, rel=0.05)


def test_one_class_tells_nothing() -> None:
    assert share(np.array([3]), np.array([10])).to_json() == {"value": 0.3, "ci95": [0.0, 1.0]}
    alone = difference(np.array([3, 0]), np.array([1, 0]), np.array([10, 0]))
    assert (alone.value, alone.low, alone.high) == (0.2, -1, 1)


def test_intervals_cover_the_truth_where_counting_pictures_does_not() -> None:
    """Shares of classes differ (beta 0.5, 9.5); 60 classes of 20 pictures; 200 worlds."""
    rng = np.random.default_rng(0)
    trials = np.full(60, 20)
    covered = naive = 0
    for _ in range(200):
        hits = rng.binomial(20, rng.beta(0.5, 9.5, 60))
        found = share(hits, trials)
        half = 1.96 * np.sqrt(found.value * (1 - found.value) / trials.sum())
        covered += found.low <= 0.05 <= found.high
        naive += abs(found.value - 0.05) <= half
    assert covered >= 0.92 * 200
    assert naive < 0.85 * 200


def test_a_difference_of_pairs_is_seen_where_the_two_shares_overlap() -> None:
    rng = np.random.default_rng(1)
    easy = rng.integers(0, 16, 40)
    hits, more, trials = easy, easy + 2, np.full(40, 20)
    one, other = share(hits, trials), share(more, trials)
    assert one.high > other.low  # the two intervals overlap
    found = difference(more, hits, trials)
    assert found.value == pytest.approx(0.1)
    assert found.low > 0.09


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 30).flatmap(
        lambda c: st.tuples(
            arrays(np.int64, c, elements=st.integers(1, 30)),
            arrays(np.float64, c, elements=st.floats(0, 1)),
        )
    )
)
def test_an_interval_holds_its_value_and_stays_a_share(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    trials, part = drawn
    found = share(np.floor(trials * part).astype(int), trials)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    again = share(np.floor(trials * part).astype(int), trials)
    assert again == found
    with_idle = share(np.append(np.floor(trials * part).astype(int), 0), np.append(trials, 0))
    assert with_idle == found
