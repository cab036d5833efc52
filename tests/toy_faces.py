"""A drawn face that the detector takes for one, for tests without anybody's picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter


def toy_face(side_px: int = 200) -> NDArray[np.uint8]:
    """Grey, uint8 [side_px, side_px]; the detector's box is half as wide."""
    picture = Image.new("L", (side_px, side_px), 200)
    draw = ImageDraw.Draw(picture)
    scale = side_px / 200

    def ellipse(x: float, y: float, across: float, down: float, tone: int) -> None:
        corners = (x - across, y - down, x + across, y + down)
        draw.ellipse([scale * corner for corner in corners], fill=tone)

    ellipse(100, 70, 62, 60, 60)  # hair
    ellipse(100, 105, 52, 68, 185)  # head
    for x in (78, 122):
        ellipse(x, 88, 14, 6, 120)
        ellipse(x, 90, 11, 5, 235)
        ellipse(x, 90, 5, 5, 30)
        draw.rectangle([scale * c for c in (x - 15, 74, x + 15, 78)], fill=70)  # brow
    draw.polygon([(scale * x, scale * y) for x, y in ((100, 92), (91, 124), (109, 124))], fill=160)
    ellipse(94, 123, 4, 3, 90)
    ellipse(106, 123, 4, 3, 90)
    ellipse(100, 146, 22, 6, 100)
    draw.line([scale * c for c in (80, 146, 120, 146)], fill=60, width=round(2 * scale))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.5 * scale)))


def rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[H, W] -> [H, W, 3], as the detector takes it."""
    return np.stack([grey] * 3, axis=-1)
