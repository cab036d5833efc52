"""Ink on paper -> the strokes alone, in one place and one size.

Drawings come as scans, photographs and bitmaps: dark on light or light on dark, anywhere in the
frame, in any size. What a character is lies in its strokes, so the rest is taken away here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.errors import ImageError
from holotype.forking import cached_property

# Differences from the paper up to this share of the ink's own contrast are paper texture.
_TEXTURE = 0.15
# Above this share a pixel counts as ink.
INK_LEVEL = 0.35
MIN_CONTRAST = 16 / 255


class Drawing:
    """Ink on paper, as 1 on 0; what several ask for is computed once.

    The paper is the median of the outermost pixels; ink is whatever differs from it toward the
    side with the wider range, so black on white and white on black read alike.

    Args:
        luminance: float32 [H, W] in [0, 1].

    Raises:
        ImageError: the picture has no contrast.
    """

    def __init__(self, luminance: NDArray[np.float32]) -> None:
        self.border = border(luminance)  # [2 * (H + W) - 4] in [0, 1]
        self.paper = float(np.median(self.border))
        darker = self.paper - float(luminance.min())
        lighter = float(luminance.max()) - self.paper
        self.contrast = max(darker, lighter)  # of the full range
        if self.contrast < MIN_CONTRAST:
            raise ImageError(
                f"the picture has no contrast ({self.contrast:.3f} of the full range; "
                f"{MIN_CONTRAST:.3f} is needed)",
                "Use a picture in which the ink stands out from the paper",
            )
        ink = self.paper - luminance if darker >= lighter else luminance - self.paper
        ink /= self.contrast
        ink -= _TEXTURE
        ink /= 1 - 2 * _TEXTURE
        self.strokes = np.clip(ink, 0, 1, out=ink).astype(np.float32, copy=False)  # [H, W]
        self._fitted: dict[tuple[int, int, int], NDArray[np.float32]] = {}

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Around the ink: top, bottom, left and right, the second and the last one behind it."""
        return _box(self.strokes)

    def fitted(self, size_px: int, margin_px: int, taller: int = 1) -> NDArray[np.float32]:
        """As from `fit`."""
        asked = size_px, margin_px, taller
        if asked not in self._fitted:
            self._fitted[asked] = _cut(self.strokes, self.box, size_px, margin_px, taller)
        return self._fitted[asked]


def strokes(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ink as 1 on paper as 0, as in `Drawing`.

    Args:
        luminance: float32 [H, W] in [0, 1].

    Returns:
        float32 [H, W] in [0, 1].

    Raises:
        ImageError: the picture has no contrast.
    """
    return Drawing(luminance).strokes


def border(values: NDArray[Any]) -> NDArray[Any]:
    """The outermost pixels: [H, W, ...] -> [2 * (H + W) - 4, ...]."""
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])


def fit(
    ink: NDArray[np.float32], size_px: int, margin_px: int, taller: int = 1
) -> NDArray[np.float32]:
    """Crop to the ink, center it and scale its longer side to `size_px - 2 * margin_px`.

    The proportions stay, or all is drawn `taller`, so that what is wide fills the square, and
    one thing is still told from another by how wide it is; the strongest pixel becomes 1, so that
    a thin pen in a large scan is not washed out by the reduction.

    Args:
        ink: float32 [H, W] in [0, 1], as from `strokes`; at least one pixel is 1.
        size_px: side of the result.
        margin_px: empty pixels kept on each side.
        taller: heights are multiplied by this.

    Returns:
        float32 [size_px, size_px] in [0, 1].
    """
    return _cut(ink, _box(ink), size_px, margin_px, taller)


def _box(ink: NDArray[np.float32]) -> tuple[int, int, int, int]:
    inked = ink > INK_LEVEL
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _cut(
    ink: NDArray[np.float32],
    box: tuple[int, int, int, int],
    size_px: int,
    margin_px: int,
    taller: int,
) -> NDArray[np.float32]:
    top, bottom, left, right = box
    side = int(max(taller * (bottom - top), right - left))
    # The crop, margin included, in source pixels. Only its surroundings are cut out, as far as the
    # resampling filter reaches, and padded with paper where they lie outside the frame.
    crop_width = side * size_px / (size_px - 2 * margin_px)
    crop_height = crop_width / taller
    reach = max(1.0, crop_width / size_px)
    x0, y0 = (left + right - crop_width) / 2, (top + bottom - crop_height) / 2
    first_x, last_x = math.floor(x0 - reach), math.ceil(x0 + crop_width + reach)
    first_y, last_y = math.floor(y0 - reach), math.ceil(y0 + crop_height + reach)
    window = np.zeros((last_y - first_y, last_x - first_x), dtype=np.float32)
    within = ink[max(0, first_y) : last_y, max(0, first_x) : last_x]
    y, x = max(0, -first_y), max(0, -first_x)
    window[y : y + within.shape[0], x : x + within.shape[1]] = within
    x0, y0 = x0 - first_x, y0 - first_y
    small = Image.fromarray(window).resize(
        (size_px, size_px),
        Image.Resampling.BILINEAR,
        box=(x0, y0, x0 + crop_width, y0 + crop_height),
    )
    result = np.asarray(small, dtype=np.float32)
    return np.asarray(np.clip(result / max(float(result.max()), 1e-6), 0, 1), dtype=np.float32)
