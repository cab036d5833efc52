"""Sheets of drawings to look at: a reference with its kin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from holotype.errors import DataError

Drawings = NDArray[np.uint8]  # [n, S, S], ink 0 on paper 255

COLUMNS = 10  # of kin, beside the reference
CELL_PX = 112
GAP_PX = 12
_CORNER_PX = 10
TABLE, _CARD, EDGE = (241, 239, 233), (255, 255, 255), (214, 209, 198)
INK, ACCENT = (32, 36, 48), (176, 58, 46)


def kin_sheet(rows: Sequence[tuple[Drawings, Drawings]]) -> Image.Image:
    """References at the left, their kin at the right, ten in a line.

    Args:
        rows: reference [S, S] and kin [n, S, S], at least one row, each with one kin or more.
    """
    heights = [span(max(2, -(-len(kin) // COLUMNS))) for _, kin in rows]
    columns = min(COLUMNS, max(len(kin) for _, kin in rows))
    width = 3 * GAP_PX + span(2) + span(columns)
    sheet = Image.new("RGB", (width + GAP_PX, sum(heights) + GAP_PX * (2 * len(rows) + 1)), TABLE)
    top = GAP_PX
    for (reference, kin), height in zip(rows, heights, strict=True):
        card(sheet, reference, (GAP_PX, top), span(2), ACCENT)
        for index, picture in enumerate(kin):
            line, column = divmod(index, COLUMNS)
            left = 3 * GAP_PX + span(2) + column * (CELL_PX + GAP_PX)
            card(sheet, picture, (left, top + line * (CELL_PX + GAP_PX)), CELL_PX, INK)
        top += height + 2 * GAP_PX
    return sheet


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


def span(cells: int) -> int:
    """The side of so many cells, in px."""
    return cells * CELL_PX + (cells - 1) * GAP_PX


def card(
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
    sheet.paste(Image.new("RGB", (side_px, side_px), EDGE), corner, mask.reduce(finer))
    within = Image.new("L", (side_px, side_px))
    ImageDraw.Draw(within).rounded_rectangle(
        (1, 1, side_px - 2, side_px - 2), _CORNER_PX - 1, fill=255
    )
    sheet.paste(card, corner, within)
