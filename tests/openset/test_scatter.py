from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.openset import Cohort, CohortModel, Matcher, scatter

DIM, KINDS, STRANGERS = 24, 12, 200
Shares = dict[float | None, NDArray[np.float64]]


@pytest.mark.parametrize(("a", "b"), [(0.3, 5.0), (1.0, 9.5), (5.0, 45.5), (50.0, 450.0)])
def test_a_band_is_that_of_a_beta_distribution(a: float, b: float) -> None:
    drawn = np.random.default_rng(0).beta(a, b, 200_000)
    low, high = scatter.band(a / (a + b), a + b, 1)
    assert (drawn < low).mean() == pytest.approx(0.1, abs=0.005)
    assert (drawn < high).mean() == pytest.approx(0.9, abs=0.005)


def test_own_strangers_of_a_known_law_scatter_as_a_uniform_order_statistic() -> None:
    # One score of nine may be reached, so a gallery lets in the smallest of nine uniform shares.
    low, high = scatter.band(0.1, 10, 1)
    assert low == pytest.approx(1 - 0.9 ** (1 / 9), abs=1e-6)
    assert high == pytest.approx(1 - 0.1 ** (1 / 9), abs=1e-6)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("classes", [11, 101, 1025])
def test_confidence_there_and_back(rate: float, classes: int) -> None:
    mean = scatter.mean_rate(rate, 0.8, classes, 0.5)
    assert 0 < mean < rate
    assert scatter.confident_rate(mean, 0.8, classes, 0.5) == pytest.approx(rate, rel=1e-4)


def test_a_confidence_below_the_mean_asks_for_no_more_than_the_rate() -> None:
    assert scatter.mean_rate(0.1, 0.2, 101, 0.5) == pytest.approx(0.1, rel=1e-6)


@pytest.fixture(scope="module")
def let_in() -> Shares:
    """The shares that 300 simulated galleries of 40 let in: on average 20 %, and with 0.8."""
    rng = np.random.default_rng(3)
    centers = rng.normal(size=(KINDS, DIM))
    model = CohortModel.of(Cohort.none(DIM))
    shares: dict[float | None, list[float]] = {None: [], 0.8: []}
    for _ in range(300):
        kind = rng.integers(KINDS, size=40 + STRANGERS)
        drawn = centers[kind] + rng.normal(size=(len(kind), DIM))
        drawn = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
        matcher = Matcher.of(model, drawn[:40])
        compared = matcher.compare(drawn[40:])
        for confidence, found in shares.items():
            matches = matcher.decide(compared, 0.2, confidence=confidence)
            assert matches.rate == 0.2
            found.append(float(matches.accepted.mean()))
    return {confidence: np.array(found) for confidence, found in shares.items()}


def test_the_mean_is_kept_and_the_band_holds_four_of_five_galleries(let_in: Shares) -> None:
    assert let_in[None].mean() <= 0.21
    low, high = scatter.band(0.2, 41, 0.5)
    inside = ((let_in[None] >= low) & (let_in[None] <= high)).mean()
    assert 0.72 <= inside <= 0.92


def test_with_confidence_four_of_five_galleries_keep_the_rate(let_in: Shares) -> None:
    assert (let_in[0.8] <= 0.2).mean() >= 0.75
    assert (let_in[None] <= 0.2).mean() < 0.75  # which the mean alone does not


def test_of_claims_too_four_of_five_keep_the_rate() -> None:
    rng, kept = np.random.default_rng(4), 0
    for _ in range(200):
        drawn = rng.normal(size=(40 + STRANGERS, DIM))
        drawn = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
        matcher = Matcher.of(CohortModel.of(Cohort.none(DIM)), drawn[:40])
        compared = matcher.compare(drawn[40:], claim=0)
        kept += matcher.decide(compared, 0.2, confidence=0.8).accepted.mean() <= 0.2
    assert kept >= 150


def enrolled(count: int) -> Matcher:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(count, DIM))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Matcher.of(CohortModel.of(Cohort.none(DIM)), vectors)


def test_a_confident_rate_is_estimated_and_stricter() -> None:
    matcher = enrolled(40)
    plain, sure = matcher.threshold(0.2), matcher.threshold(0.2, None, 0.8)
    assert (plain.basis, sure.basis) == ("guaranteed", "estimated")
    assert sure.rate == 0.2
    assert (sure.values >= plain.values).all()


def test_a_confident_rate_that_nothing_supports_names_the_smallest() -> None:
    matcher = enrolled(3)
    with pytest.raises(RateError, match=r"fpir=0\.01 with confidence=0\.8 is smaller") as caught:
        matcher.threshold(0.01, None, 0.8)
    assert caught.value.smallest is not None
    assert caught.value.smallest >= matcher.smallest_rate()
    matcher.threshold(caught.value.smallest * 1.01, None, 0.8)


def test_confidence_is_of_a_stated_rate() -> None:
    with pytest.raises(RateError, match=r"State one, such as fpir=0\.1"):
        enrolled(40).threshold(None, None, 0.8)


def test_no_band_below_the_reach_of_ranks_and_none_of_nobody() -> None:
    assert enrolled(40).evidence.band(0.01) is None
    assert enrolled(40).evidence.band(0.1) == scatter.band(0.1, 41, 0.5)
    nobody = Matcher.of(CohortModel.of(Cohort.none(DIM)), np.empty((0, DIM), np.float32))
    assert nobody.evidence.band(0.1) is None
