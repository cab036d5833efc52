"""From one drawing, others of its kind: trace the strokes, vary them, draw them again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.tracing import trace
from holotype.domains.strokes.variation import measured, vary
from holotype.errors import DataError
from holotype.image import ink, prepare
from holotype.image.prepare import ImageSource

MAX_COUNT = 10_000  # pictures from one reference


def imagine(
    source: ImageSource, count: int, seed: int = 0, size_px: int = 105
) -> NDArray[np.uint8]:
    """Draw what else could be meant by one drawing, as other people would have drawn it.

    The reference is ink on paper of either polarity, as for `images.prepare`; it stays where it
    is in its frame, made square. A picture with little ink in much paper is cut to the ink.

    Args:
        source: the reference; what `images.read` takes.
        count: how many, 1 to 10,000. The first are the same for any count.
        seed: of the variation, 0 or more.
        size_px: side of the pictures, 8 to 1,024.

    Returns:
        uint8 [count, size_px, size_px], ink 0 on paper 255.

    Raises:
        ImageError: the reference cannot be read, or is blank.
        DataError: `count`, `seed` or `size_px` is out of range.
    """
    for name, value, least, most in (
        ("count", count, 1, MAX_COUNT),
        ("seed", seed, 0, 2**63 - 1),
        ("size_px", size_px, 8, 1024),
    ):
        if not least <= value <= most:
            raise DataError(f"{name}={value} is outside {least}..{most}", f"Choose {name} in it")
    drawing = trace(ink.strokes(prepare.luminance(source)))
    variation = measured()
    result = np.empty((count, size_px, size_px), np.uint8)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        result[index] = render(vary(drawing, variation, rng), size_px)
    return result
