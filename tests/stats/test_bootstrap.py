from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holotype.stats.bootstrap import _student, difference, share


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
    # 80 of 800 pairs differ: 0.1 +- 2.02 sqrt(0.1 * 0.9 / 800), and a little for what was not seen.
    assert found.low == pytest.approx(0.079, abs=0.003)
    assert found.high == pytest.approx(0.121, abs=0.003)


def test_classes_that_agree_are_no_certainty() -> None:
    # Two trials each of two classes, one hit each: next to nothing is known.
    found = share(np.array([1, 1]), np.array([2, 2]))
    assert found.low < 0.02
    assert found.high > 0.98
    # A fifth of each of 20 classes of 50: as 200 of 1,000 independent trials, t of 19 degrees.
    found = share(np.full(20, 10), np.full(20, 50))
    half = 2.093 * np.sqrt(0.2 * 0.8 / 1000)
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.002)
    # The fewer the classes that agree, the less they say of all classes.
    widths = []
    for classes in (2, 3, 5, 10, 30):
        found = share(np.full(classes, 300 // classes), np.full(classes, 600 // classes))
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 3 * widths[-1]
    same = difference(np.full(40, 3), np.full(40, 3), np.full(40, 20))
    assert same.low < 0 == same.value < same.high


def test_the_quantile_of_t_is_that_of_the_tables() -> None:
    known = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 30: 2.042, 1000: 1.962}
    assert {d: _student(d) for d in known} == pytest.approx(known, rel=2e-3)


@pytest.mark.parametrize("classes", [3, 10, 40])
def test_intervals_cover_the_truth_where_classes_do_not_differ(classes: int) -> None:
    rng = np.random.default_rng(2)
    hits = rng.binomial(10, 0.3, (200, classes))
    found = [share(row, np.full(classes, 10)) for row in hits]
    assert sum(one.low <= 0.3 <= one.high for one in found) >= 0.92 * 200
    gains = rng.binomial(10, 0.2, (200, classes))
    gaps = [difference(row, np.zeros(classes, int), np.full(classes, 10)) for row in gains]
    assert sum(one.low <= 0.2 <= one.high for one in gaps) >= 0.92 * 200


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
    gap = difference(trials, np.floor(trials * part).astype(int), trials)
    assert -1 <= gap.low <= gap.value <= gap.high <= 1
    assert gap.low < gap.high
    again = share(np.floor(trials * part).astype(int), trials)
    assert again == found
    with_idle = share(np.append(np.floor(trials * part).astype(int), 0), np.append(trials, 0))
    assert with_idle == found
