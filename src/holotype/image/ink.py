"""Ink on paper -> the strokes alone, in one place and one size.

Drawings come as scans, photographs and bitmaps: dark on light or light on dark, anywhere in the
frame, in any size. What a character is lies in its strokes, so the rest is taken away here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.errors import ImageError

# Differences from the paper up to this share of the ink's own contrast are paper texture.
_TEXTURE = 0.15
# Above this share a pixel counts as ink when the box around the ink is sought.
_BOX_LEVEL = 0.35
MIN_CONTRAST = 16 / 255


def strokes(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ink as 1 on paper as 0.

    The paper is the median of the outermost pixels; ink is whatever differs from it toward the
    side with the wider range, so black on white and white on black read alike.

    Args:
        luminance: float32 [H, W] in [0, 1].

    Returns:
        float32 [H, W] in [0, 1].

    Raises:
        ImageError: the picture has no contrast.
    """
    border = np.concatenate([luminance[0], luminance[-1], luminance[1:-1, 0], luminance[1:-1, -1]])
    paper = float(np.median(border))
    darker, lighter = paper - float(luminance.min()), float(luminance.max()) - paper
    contrast = max(darker, lighter)
    if contrast < MIN_CONTRAST:
        raise ImageError(
            f"the picture has no contrast ({contrast:.3f} of the full range; "
            f"{MIN_CONTRAST:.3f} is needed)",
            "Use a picture in which the ink stands out from the paper",
        )
    ink = (paper - luminance if darker >= lighter else luminance - paper) / contrast
    return np.asarray(np.clip((ink - _TEXTURE) / (1 - 2 * _TEXTURE), 0, 1), dtype=np.float32)


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
    rows, columns = (np.flatnonzero((ink > _BOX_LEVEL).any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = int(max(taller * (bottom - top), right - left))
    # The crop, margin included, in source pixels. Only its surroundings are cut out, as far as the
    # resampling filter reaches, and padded with paper where they lie outside the frame.
    crop_width = side * size_px / (size_px - 2 * margin_px)
    crop_height = crop_width / taller
    reach = max(1.0, crop_width / size_px)
    x0, y0 = (left + right - crop_width) / 2, (top + bottom - crop_height) / 2
    first_x, last_x = math.floor(x0 - reach), math.ceil(x0 + crop_width + reach)
    first_y, last_y = math.floor(y0 - reach), math.ceil(y0 + crop_height + reach)
    height, width = ink.shape
    window = np.pad(
        ink[max(0, first_y) : last_y, max(0, first_x) : last_x],
        (
            (max(0, -first_y), max(0, last_y - height)),
            (max(0, -first_x), max(0, last_x - width)),
        ),
    )
    x0, y0 = x0 - first_x, y0 - first_y
    small = Image.fromarray(window).resize(
        (size_px, size_px),
        Image.Resampling.BILINEAR,
        box=(x0, y0, x0 + crop_width, y0 + crop_height),
    )
    result = np.asarray(small, dtype=np.float32)
    return np.asarray(np.clip(result / max(float(result.max()), 1e-6), 0, 1), dtype=np.float32)
