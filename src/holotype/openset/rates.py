"""Stated rates, as people write them."""

from __future__ import annotations

from holotype.errors import RateError


def parse_rate(value: float | str, name: str) -> float:
    """A stated rate as a fraction in (0, 1): `0.01`, `"0.01"` and `"1%"` all read as 0.01.

    Raises:
        RateError: not a number, or not strictly between 0 and 1.
    """
    remedy = "State a fraction between 0 and 1, such as 0.01 for one stranger in a hundred"
    try:
        text = str(value).strip()
        rate = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise RateError(f"{name}={value!r} is not a number", remedy) from None
    if not 0 < rate < 1:  # also false for NaN
        raise RateError(f"{name}={value} is not between 0 and 1", remedy)
    return rate
