"""The generalized Pareto fit finds what it was given, and says when it does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from holotype.openset.tail import MIN_PEAKS, fit_tail


def fitted(excess: np.ndarray, resamples: int = 200, share: float = 0.1):
    rng = np.random.default_rng(1)
    n = len(excess)
    weight = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=resamples)])
    return fit_tail(0.5, np.sort(excess), weight, np.full(resamples + 1, share))


def pareto(shape: float, scale: float, n: int, seed: int = 0) -> np.ndarray:
    u = np.random.default_rng(seed).random(n)
    return scale * ((1 - u) ** -shape - 1) / shape if shape else -scale * np.log(1 - u)


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 0.2])
def test_scale_and_shape_come_back(shape: float) -> None:
    tail = fitted(pareto(shape, scale=0.3, n=20000))
    assert tail is not None
    assert tail.shape[0] == pytest.approx(shape, abs=0.03)
    assert tail.scale[0] == pytest.approx(0.3, rel=0.05)
    # The resamples tell how sure that is.
    assert tail.shape[1:].std() < 0.03
    assert abs(tail.shape[1:].mean() - tail.shape[0]) < 0.01


def test_exceedance_goes_on_where_the_peaks_end() -> None:
    tail = fitted(pareto(0.0, scale=0.3, n=2000))
    assert tail is not None
    assert tail.exceedance(0.5)[0] == pytest.approx(0.1)
    # Exponential: P(depth > level + x) = share * exp(-x / scale), far beyond 1 in 20,000.
    assert tail.exceedance(0.5 + 0.3 * np.log(10_000))[0] == pytest.approx(1e-5, rel=0.8)


def test_a_curve_that_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    two_humps = np.abs(np.concatenate([rng.normal(0.1, 0.02, 500), rng.normal(2.0, 0.05, 500)]))
    assert fitted(two_humps) is None


@pytest.mark.parametrize(
    "excess", [np.linspace(0.1, 1, MIN_PEAKS - 1), np.zeros(100), np.array([0.5])]
)
def test_too_little_to_fit_is_refused(excess: np.ndarray) -> None:
    assert fitted(excess, resamples=10) is None
