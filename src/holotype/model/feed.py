"""Inputs that nobody took: what a model is tried out with, and tested with on another processor.

They follow from a formula alone, so that the same ones are made everywhere and at any time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from holotype.model.graph import Input

# What a free dimension beside the batch is set to: words, samples of a second of sound, or frames.
_WORDS, _SAMPLES, _FRAMES = 16, 16_000, 160
_FRACTIONS = ("float16", "float32", "float64")
_IDS = 29  # below the size of any vocabulary


def made_up(inputs: Iterable[Input], count: int) -> dict[str, NDArray[np.generic]]:
    """Inputs for a batch: waves between 0 and 1, small whole numbers, and masks that hide nothing.

    Args:
        inputs: of the model; the first dimension of each is the batch, the others are set where
            they are free.
        count: B, where the batch is free.

    Returns:
        By name, [B, ...] of the numbers that are asked for.
    """
    inputs = list(inputs)
    shapes = sizes(inputs, count)
    return {one.name: _made(one, shapes[one.name]) for one in inputs}


def sizes(inputs: Iterable[Input], count: int) -> dict[str, tuple[int, ...]]:
    """The shapes of inputs for a batch of `count`, with something for each dimension that is free.

    Dimensions of one name have one size.
    """
    named: dict[str, int] = {}
    result = {}
    for one in sorted(inputs, key=lambda one: one.number not in _FRACTIONS):
        free = (
            _WORDS if one.number not in _FRACTIONS else _SAMPLES if len(one.dims) == 2 else _FRAMES
        )
        shape = []
        for axis, size in enumerate(one.dims):
            if isinstance(size, int) and size > 0:
                shape.append(size)
            elif axis == 0:
                shape.append(count)
            else:
                shape.append(named.setdefault(size, free) if isinstance(size, str) else free)
        result[one.name] = tuple(shape)
    return result


def _made(one: Input, shape: tuple[int, ...]) -> NDArray[np.generic]:
    number = np.dtype(one.number or "float32")
    if number.kind in "iub":
        if "mask" in one.name or number.kind == "b":
            return np.ones(shape, number)
        if "type" in one.name:
            return np.zeros(shape, number)
        if "position" in one.name:
            return np.broadcast_to(np.arange(shape[-1]), shape).astype(number)
        flat = np.arange(math.prod(shape)) * 7 % _IDS
        return np.reshape(flat, shape).astype(number)
    position = np.zeros(shape)
    for axis, size in enumerate(shape):
        # Each item of the batch waves at a pace and in a direction of its own.
        steps = np.arange(size).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        pace = 0.7 if axis == 0 else 0.31 / axis * (1 + 0.3 * np.arange(shape[0]))
        if axis:
            pace = np.reshape(pace, [-1 if a == 0 else 1 for a in range(len(shape))])
        position = position + steps * pace
    return (0.5 + 0.48 * np.sin(position)).astype(number)
