"""Strokes -> a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from holotype.domains.strokes.drawing import Drawing

_FINER = 4  # drawn at this many times the size and averaged: smooth edges


def render(drawing: Drawing, size_px: int) -> NDArray[np.uint8]:
    """Draw with a round pen: uint8 [size_px, size_px], ink 0 on paper 255, edges in grey.

    What lies outside the frame is cut off.
    """
    side = size_px * _FINER
    canvas = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(canvas)
    for points, share in zip(drawing.strokes, drawing.widths, strict=True):
        width = max(share * side, _FINER)
        placed = points * side
        if len(placed) > 1:
            pen.line(list(map(tuple, placed)), fill=0, width=round(width))
        # A round tip, also where the line turns.
        for x, y in placed:
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=0)
    return np.asarray(canvas.reduce(_FINER), dtype=np.uint8)
