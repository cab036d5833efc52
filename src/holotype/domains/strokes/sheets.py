"""Sheets of drawings to look at: a reference with its kin, and a riddle of nine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from holotype.errors import DataError

Drawings = NDArray[np.uint8]  # [n, S, S], ink 0 on paper 255

COLUMNS = 10  # of kin, beside the reference
CELL_PX = 112
_GAP_PX = 12
_CORNER_PX = 10
_TABLE, _CARD, _EDGE = (241, 239, 233), (255, 255, 255), (214, 209, 198)
_INK, _ACCENT = (32, 36, 48), (176, 58, 46)


def kin_sheet(rows: Sequence[tuple[Drawings, Drawings]]) -> Image.Image:
    """References at the left, their kin at the right, ten in a line.

    Args:
        rows: reference [S, S] and kin [n, S, S], at least one row, each with one kin or more.
    """
    heights = [_span(max(2, -(-len(kin) // COLUMNS))) for _, kin in rows]
    columns = min(COLUMNS, max(len(kin) for _, kin in rows))
    width = 3 * _GAP_PX + _span(2) + _span(columns)
    sheet = Image.new(
        "RGB", (width + _GAP_PX, sum(heights) + _GAP_PX * (2 * len(rows) + 1)), _TABLE
    )
    top = _GAP_PX
    for (reference, kin), height in zip(rows, heights, strict=True):
        _card(sheet, reference, (_GAP_PX, top), _span(2), _ACCENT)
        for index, picture in enumerate(kin):
            line, column = divmod(index, COLUMNS)
            left = 3 * _GAP_PX + _span(2) + column * (CELL_PX + _GAP_PX)
            _card(sheet, picture, (left, top + line * (CELL_PX + _GAP_PX)), CELL_PX, _INK)
        top += height + 2 * _GAP_PX
    return sheet


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
    side = 3 * large + 4 * _GAP_PX
    sheet = Image.new("RGB", (side, _span(2) + 3 * (large + label_px) + 7 * _GAP_PX), _TABLE)
    font = ImageFont.load_default(18)
    _card(sheet, reference, ((side - _span(2)) // 2, _GAP_PX), _span(2), _ACCENT)
    pen = ImageDraw.Draw(sheet)
    for index, picture in enumerate(everything):
        row, column = divmod(index, 3)
        left = _GAP_PX + column * (large + _GAP_PX)
        top = _span(2) + 3 * _GAP_PX + row * (large + label_px)
        _card(sheet, picture, (left, top), large, _INK)
        pen.text((left + large // 2, top + large + 4), str(index + 1), _INK, font, anchor="ma")
    foot = Image.new("RGB", (side, 2 * _GAP_PX), _TABLE)
    words = f"drawn by people: {', '.join(map(str, answer))}"
    ImageDraw.Draw(foot).text((side // 2, _GAP_PX), words, _EDGE, ImageFont.load_default(14), "mm")
    sheet.paste(foot.rotate(180), (0, sheet.height - foot.height))
    return sheet, answer


def write_sheet(sheet: Image.Image, out: Path) -> Path:
    """Save a sheet as PNG, never over something else.

    Raises:
        DataError: the path exists, or is no `.png`.
        OSError: it cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise DataError(f"{str(out)!r} does not end in .png", "Sheets are PNG; name such a file")
    try:
        with out.open("xb") as file:
            sheet.save(file, "PNG", optimize=True)
    except FileExistsError:
        what = "is a folder" if out.is_dir() else "exists already"
        raise DataError(f"{str(out)!r} {what}", "Name a new file, or remove that one") from None
    return out


def _span(cells: int) -> int:
    return cells * CELL_PX + (cells - 1) * _GAP_PX


def _card(
    sheet: Image.Image,
    picture: Drawings,
    corner: tuple[int, int],
    side_px: int,
    color: tuple[int, int, int],
) -> None:
    """One drawing on a white card, its ink in a color."""
    finer = 3  # the corners are drawn larger and averaged
    mask = Image.new("L", (side_px * finer, side_px * finer))
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, side_px * finer - 1, side_px * finer - 1), _CORNER_PX * finer, fill=255
    )
    inner = side_px - 4
    ink = Image.fromarray(255 - picture).resize((inner, inner), Image.Resampling.LANCZOS)
    card = Image.new("RGB", (side_px, side_px), _CARD)
    card.paste(Image.new("RGB", (inner, inner), color), (2, 2), ink)
    sheet.paste(Image.new("RGB", (side_px, side_px), _EDGE), corner, mask.reduce(finer))
    within = Image.new("L", (side_px, side_px))
    ImageDraw.Draw(within).rounded_rectangle(
        (1, 1, side_px - 2, side_px - 2), _CORNER_PX - 1, fill=255
    )
    sheet.paste(card, corner, within)
