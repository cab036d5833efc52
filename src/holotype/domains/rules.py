"""What numbers of a preprocessing may be: the rules that several domains share."""

from __future__ import annotations

import math

NUMBERS = ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")


def is_count(value: object) -> bool:
    """A whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_side(value: object) -> bool:
    """The side of an input."""
    return isinstance(value, int) and is_count(value) and 8 <= value <= 1024


def is_share(value: object) -> bool:
    """A number between 0 and 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1


def are_numbers(value: object) -> bool:
    """A list of finite numbers."""
    return isinstance(value, list | tuple) and all(
        isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        for number in value
    )


def is_channels(value: object) -> bool:
    """Grey or RGB."""
    return is_count(value) and value in (1, 3)


def are_inputs(value: object) -> bool:
    """The inputs of a model as JSON, at least one (`records.TensorInput`)."""
    return isinstance(value, list) and bool(value) and all(map(_is_input, value))


def _is_input(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"name", "number", "dims"}
        and isinstance(value["name"], str)
        and value["number"] in NUMBERS
        and isinstance(value["dims"], list)
        and bool(value["dims"])
        and all(isinstance(size, str) or (is_count(size) and size > 0) for size in value["dims"])
    )
