from __future__ import annotations

import pytest

from holotype.errors import RateError
from holotype.openset import parse_rate


@pytest.mark.parametrize(
    ("value", "rate"), [(0.01, 0.01), ("0.01", 0.01), ("1%", 0.01), (" 2.5 % ", 0.025)]
)
def test_rates_are_read_as_fractions(value: float | str, rate: float) -> None:
    assert parse_rate(value, "fpir") == pytest.approx(rate)


@pytest.mark.parametrize("value", [0, 1, -0.1, float("nan"), float("inf"), "", "many", "0%", 2])
def test_what_is_no_rate_is_refused(value: float | str) -> None:
    with pytest.raises(RateError, match="fpir="):
        parse_rate(value, "fpir")
