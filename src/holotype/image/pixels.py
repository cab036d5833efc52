"""Decoded pixels in the forms that models start from: reduced, grey, or the tones of a square."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.forking import cached_property
from holotype.image import ink
from holotype.image.decode import unit_range
from holotype.preprocessing import Preprocessing

# A larger picture is averaged down to this side first: a model's input is far smaller, and the
# memory of a probe no longer follows the sender's camera.
_WORKING_SIDE_PX = 1024
_STRIP_ROWS = 256  # that are averaged at a time
# Luma of ITU-R BT.601-7, section 2.5.1: what "grey" means in JPEG and in Pillow's mode L.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def grey(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """The luminance, averaged down to a working size.

    Args:
        pixels: [H, W, 1] or [H, W, 3], uint8, or float32 in [0, 1].

    Returns:
        float32 [H', W'] in [0, 1], no side above 1,024.
    """
    return _luminance(unit_range(_reduced(pixels, _WORKING_SIDE_PX)))


class Picture:
    """A decoded picture, in the forms that the kinds of preprocessing start from.

    Args:
        decoded: [H, W, 1] or [H, W, 3], uint8, or float32 in [0, 1], as from `decode`.
    """

    def __init__(self, decoded: NDArray[Any]) -> None:
        self.pixels = decoded

    @cached_property
    def luminance(self) -> NDArray[np.float32]:
        """As from `pixels.grey`; computed once."""
        return grey(self.pixels)

    @cached_property
    def drawing(self) -> ink.Drawing:
        """The luminance as ink on paper; computed once.

        Raises:
            ImageError: the picture has no contrast.
        """
        return ink.Drawing(self.luminance)


def photo(pixels: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """A photograph as the input of a model, with every reduction antialiased.

    `crop` takes the largest centered part of the input's proportions, and of its sides the `share`
    that is stated; `stretch` draws the whole to the input's shape; `pad` centers the whole on a
    ground of the mean tone, which is 0 in the result.

    Args:
        pixels: [H, W, 1] or [H, W, 3], uint8, or float32 in [0, 1].
        preprocessing: of the kind `photo` or `face`.

    Returns:
        float32 [C, H, W] of `preprocessing.input_shape`, (x - mean) / std of x in [0, 1].
    """
    channels, height_px, width_px = preprocessing.input_shape
    if preprocessing.fit == "crop":
        pixels = _middle(pixels, height_px, width_px, preprocessing.share or 1.0)
    height, width = height_px, width_px
    if preprocessing.fit == "pad":
        scale = min(height_px / pixels.shape[0], width_px / pixels.shape[1])
        height, width = (max(1, round(n * scale)) for n in pixels.shape[:2])
    tones = unit_range(_reduced(pixels, max(_WORKING_SIDE_PX, 2 * max(height_px, width_px))))
    if channels == 1:
        tones = _luminance(tones)[:, :, None]
    mean = np.asarray(preprocessing.mean, dtype=np.float32).reshape(channels, 1, 1)
    std = np.asarray(preprocessing.std, dtype=np.float32).reshape(channels, 1, 1)
    how = _RESAMPLING[preprocessing.resample]
    planes = [_resized(tones[:, :, i], height, width, how) for i in range(tones.shape[2])]
    result = np.zeros((channels, height_px, width_px), dtype=np.float32)
    top, left = (height_px - height) // 2, (width_px - width) // 2
    # One plane of grey fills all channels.
    result[:, top : top + height, left : left + width] = (np.stack(planes) - mean) / std
    return result


_RESAMPLING = {
    None: Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}


def _middle(pixels: NDArray[Any], rows: int, columns: int, share: float) -> NDArray[Any]:
    """The largest centered part of the proportions rows : columns, and the share of its sides."""
    height, width = pixels.shape[:2]
    if height * columns > width * rows:
        height = max(1, round(width * rows / columns))
    else:
        width = max(1, round(height * columns / rows))
    height, width = max(1, round(share * height)), max(1, round(share * width))
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _resized(
    plane: NDArray[np.float32], height: int, width: int, how: Image.Resampling
) -> NDArray[np.float32]:
    if plane.shape == (height, width):
        return plane
    # Pillow widens the filter with the reduction, which is what keeps fine patterns from aliasing.
    small = Image.fromarray(plane).resize((width, height), how)
    # Filters with lobes overshoot at edges; tones end at black and white.
    return np.clip(np.asarray(small, dtype=np.float32), 0, 1)


def _luminance(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    tones = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels @ _LUMA
    return np.asarray(tones, dtype=np.float32)


def _reduced(pixels: NDArray[Any], side_px: int) -> NDArray[Any]:
    """[H, W, C] -> block means with sides of at most `side_px`, in the same range."""
    step = -(-max(pixels.shape[:2]) // side_px)
    if step == 1:
        return pixels
    levels = 255 if pixels.dtype == np.uint8 else 1
    # Some rows at a time: as float32, all of a large picture would take four times its memory.
    strip = step * max(1, _STRIP_ROWS // step)
    total: NDArray[Any] = np.concatenate(
        [_summed(pixels[top : top + strip], step, 0) for top in range(0, len(pixels), strip)]
    )
    total = _summed(total, step, 1)
    count = np.ones((1, 1, 1), dtype=np.float32)
    for axis in (0, 1):
        starts = np.arange(0, pixels.shape[axis], step)
        sizes = np.diff(starts, append=pixels.shape[axis]).astype(np.float32)
        count = count * np.expand_dims(sizes, (1 - axis, 2))
    return total / (count * levels)


def _summed(pixels: NDArray[Any], step: int, axis: int) -> NDArray[np.float32]:
    starts = np.arange(0, pixels.shape[axis], step)
    return np.asarray(np.add.reduceat(pixels, starts, axis=axis, dtype=np.float32))
