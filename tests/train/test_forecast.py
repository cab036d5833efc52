from __future__ import annotations

import numpy as np
import pytest

from holotype.train.forecast import Forecast, Remaining
from holotype.train.settings import TrainingSettings


def test_steps_that_are_alike() -> None:
    forecast = Forecast(100, [(0, 2.0)])
    assert forecast.total() == 200
    assert forecast.left(0, 0, 0.0) == 200
    assert forecast.left(0, 50, 100.0) == pytest.approx(100)
    assert forecast.left(40, 50, 20.0) == pytest.approx(100)  # a later sitting
    assert [forecast.steps_within(seconds) for seconds in (-1, 0, 5, 1000)] == [-1, 0, 2, 100]


def test_nothing_measured() -> None:
    assert Forecast(10).left(0, 2, 3.0) == pytest.approx(12)


@pytest.mark.parametrize("slower", [0.4, 1.0, 3.0])
def test_after_ten_steps_it_is_honest(slower: float) -> None:
    """Steps that grow, on a machine that is not as fast as it was when it was measured."""
    cost = np.minimum(1.0, 0.05 + np.arange(2000) / 600)
    at = [round(1999 * (i / 7) ** 2) for i in range(8)]
    forecast = Forecast(2000, [(step, float(cost[step])) for step in at])
    assert forecast.total() == pytest.approx(cost.sum(), rel=0.2)
    for done in (10, 50, 200, 600, 1500):
        left = forecast.left(0, done, slower * float(cost[:done].sum()))
        truth = slower * cost[done:].sum()
        assert truth / 1.5 < left < truth * 1.5


def test_validations_still_to_come_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("holotype.train.forecast.time.monotonic", lambda: now)
    settings = TrainingSettings(25, learning_rate=1.0, validate_every=10)
    remaining = Remaining(Forecast(25, [(0, 1.0)]), settings, 0)
    now = 10.0
    with remaining.validating():
        now = 17.0
    assert remaining.seconds(10) == pytest.approx(15 + 2 * 7)
    assert remaining.seconds(25) == 0
