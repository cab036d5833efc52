"""How often something happens, from how often it happened."""

from __future__ import annotations

import math

import pytest

from holotype.stats.poisson import upper_limit


@pytest.mark.parametrize(("events", "limit"), [(0, 2.9957), (1, 4.7439), (5, 10.5130)])
def test_as_in_tables(events: int, limit: float) -> None:
    """Half the chi-squared quantile at 0.95 of 2 (events + 1) degrees of freedom."""
    assert upper_limit(events) == pytest.approx(limit, abs=1e-4)


def test_of_nothing_it_is_exact() -> None:
    assert upper_limit(0, 0.9) == pytest.approx(-math.log(0.1))
    assert upper_limit(400) == pytest.approx(400 + 1.645 * 20, rel=0.01)
