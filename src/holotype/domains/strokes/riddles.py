"""The visual Turing test of Lake et al. (2015): which of nine drawings are by people?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.sheets import CELL_PX, riddle_sheet
from holotype.domains.strokes.tracing import trace
from holotype.domains.strokes.variation import measured, vary
from holotype.image import ink, prepare
from holotype.image.prepare import ImageSource

_NINE = 9
_SIDE_PX = 2 * CELL_PX
_SIZE, _PEN = 0.62, 0.035  # of every drawing, as shares of its card


def riddle(sources: Sequence[ImageSource], seed: int = 0) -> tuple[Image.Image, tuple[int, ...]]:
    """Drawings of one character by people, filled up to nine with kin of the first.

    All are traced and drawn in one size with one pen, so that nothing but the shape tells them
    apart.

    Args:
        sources: the reference, which is shown above, and one to eight drawings by other people.
        seed: of the kin and of the order.

    Returns:
        The sheet, and the numbers of the drawings by people.

    Raises:
        ImageError: a picture cannot be read, or is blank.
    """
    drawings = [trace(ink.strokes(prepare.luminance(source))) for source in sources]
    for index in range(_NINE + 1 - len(drawings)):
        drawings.append(vary(drawings[0], measured(), np.random.default_rng((seed, index))))
    shown = np.stack([render(drawing.centered(_SIZE, _PEN), _SIDE_PX) for drawing in drawings])
    people = len(sources)
    return riddle_sheet(shown[0], shown[1:people], shown[people:], seed)
