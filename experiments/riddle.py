"""The visual Turing test of Lake et al. (2015): which of nine drawings are by people?

    python experiments/riddle.py FIRST.png OTHERS.png... --out riddle.png

The first is shown above; the others, of the same character by other people, are mixed with kin of
the first. The answer stands at the foot, upside down.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.sheets import (
    ACCENT,
    CELL_PX,
    EDGE,
    GAP_PX,
    INK,
    TABLE,
    Drawings,
    card,
    span,
    write_sheet,
)
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


def riddle_sheet(
    reference: Drawings, real: Drawings, imagined: Drawings, seed: int = 0
) -> tuple[Image.Image, tuple[int, ...]]:
    """Nine drawings of one character, numbered: which were drawn by people?

    The visual Turing test of Lake et al. (2015), with the answer upside down at the foot.

    Args:
        reference: [S, S], shown above.
        real: [r, S, S], drawn by people.
        imagined: [9 - r, S, S].
        seed: of the order.

    Returns:
        The sheet, and the numbers 1 to 9 of the real ones, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(real) + len(imagined))
    answer = tuple(int(place) + 1 for place in np.flatnonzero(order < len(real)))
    everything = np.concatenate([real, imagined])[order]
    large, label_px = round(1.5 * CELL_PX), 30
    side = 3 * large + 4 * GAP_PX
    sheet = Image.new("RGB", (side, span(2) + 3 * (large + label_px) + 7 * GAP_PX), TABLE)
    font = ImageFont.load_default(18)
    card(sheet, reference, ((side - span(2)) // 2, GAP_PX), span(2), ACCENT)
    pen = ImageDraw.Draw(sheet)
    for index, picture in enumerate(everything):
        row, column = divmod(index, 3)
        left = GAP_PX + column * (large + GAP_PX)
        top = span(2) + 3 * GAP_PX + row * (large + label_px)
        card(sheet, picture, (left, top), large, INK)
        pen.text((left + large // 2, top + large + 4), str(index + 1), INK, font, anchor="ma")
    foot = Image.new("RGB", (side, 2 * GAP_PX), TABLE)
    words = f"drawn by people: {', '.join(map(str, answer))}"
    ImageDraw.Draw(foot).text((side // 2, GAP_PX), words, EDGE, ImageFont.load_default(14), "mm")
    sheet.paste(foot.rotate(180), (0, sheet.height - foot.height))
    return sheet, answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drawings", nargs="+", type=Path, help="two to nine, of one character")
    parser.add_argument("--out", type=Path, default=Path("riddle.png"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not 2 <= len(given.drawings) <= _NINE:
        parser.error("two to nine drawings make a riddle")
    sheet, people = riddle(given.drawings, given.seed)
    print(f"The sheet is in {write_sheet(sheet, given.out)}; by people: {people}")


if __name__ == "__main__":
    main()
