"""Any picture -> the numbers that a model sees.

The only preprocessing there is: training, export and recognition all come through `prepare`, so
a model meets in use what it met in training. The card of a model pack carries the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype import ink
from holotype.decoding import ImageSource, decode, describe, naming, unit_range
from holotype.records import Preprocessing

__all__ = ["ImageSource", "Look", "luminance", "prepare", "prepare_batch", "read"]

Look = Callable[[NDArray[np.float32]], None]

# A larger picture is averaged down to this side before its strokes are sought: a model's input
# is far smaller, and the memory of a probe no longer follows the sender's camera.
_WORKING_SIDE_PX = 1024
# Luma of ITU-R BT.601-7, section 2.5.1: what "grey" means in JPEG and in Pillow's mode L.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def read(source: ImageSource) -> NDArray[np.float32]:
    """Decode a picture.

    Files are told apart by content, not by name. They are turned upright (EXIF), and what is
    transparent shows white paper. Of a multi-picture JPEG (MPO, as telephones write it) the first
    picture counts, since the others are previews and depth maps of the same shot; any other file
    of more than one frame is refused.

    Args:
        source: a path, the bytes of a file, a PIL image, or an array: [H, W], [H, W, 1],
            [H, W, 3] or [H, W, 4] (RGB, alpha last) of bool (True is white), uint8, uint16, or
            floats in [0, 1].

    Returns:
        float32 [3, H, W] in [0, 1], RGB.

    Raises:
        ImageError: the picture is missing, unreadable, or beyond a limit.
    """
    with naming(describe(source)):
        pixels = unit_range(decode(source)).transpose(2, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(pixels, (3, *pixels.shape[1:])))


def luminance(source: ImageSource) -> NDArray[np.float32]:
    """Decode a picture to its luminance, reduced as `prepare` reduces it.

    Returns:
        float32 [H, W] in [0, 1].

    Raises:
        ImageError: as for `read`.
    """
    with naming(describe(source)):
        return _luminance(source)


def prepare(source: ImageSource, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Decode a picture and make it the input of a model.

    Kind `ink`: the strokes, cropped, centered and scaled (`ink.strokes`, `ink.fit`). Kind `frame`:
    the strokes where they are, the whole frame on a square of paper, as the few-shot papers feed
    their drawings.

    Args:
        source: as for `read`.
        preprocessing: from the card of the model pack.

    Returns:
        float32 [C, S, S] in [0, 1], ink 1 on paper 0; S is `preprocessing.size_px`.

    Raises:
        ImageError: as for `read`, or the picture has no contrast.
    """
    with naming(describe(source)):
        return _fitted(_luminance(source), preprocessing)


def prepare_batch(
    sources: Sequence[ImageSource], preprocessing: Preprocessing, look: Look | None = None
) -> NDArray[np.float32]:
    """`prepare` for each of B pictures; an error says which one it is about.

    Args:
        sources: as for `read`.
        preprocessing: from the card of the model pack.
        look: called with each picture's luminance, float32 [H, W] in [0, 1], which is thus
            decoded once for all that wants to see it.

    Returns:
        float32 [B, C, S, S] in [0, 1].

    Raises:
        ImageError: as for `prepare`.
    """
    side = preprocessing.size_px
    batch = np.empty((len(sources), preprocessing.channels, side, side), dtype=np.float32)
    for i, source in enumerate(sources):
        place = f"picture {i + 1} of {len(sources)}, " if len(sources) > 1 else ""
        with naming(place + describe(source)):
            grey = _luminance(source)
            batch[i] = _fitted(grey, preprocessing)
            if look is not None:
                look(grey)
    return batch


def _fitted(grey: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    strokes = ink.strokes(grey)
    size_px, margin_px = preprocessing.size_px, preprocessing.margin_px
    if preprocessing.kind == "frame":
        return _whole_frame(strokes, size_px, margin_px)[None]
    return ink.fit(strokes, size_px, margin_px)[None]


def _luminance(source: ImageSource) -> NDArray[np.float32]:
    pixels = unit_range(_reduce(decode(source)))
    grey = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels @ _LUMA
    return np.asarray(grey, dtype=np.float32)


def _whole_frame(strokes: NDArray[np.float32], size_px: int, margin_px: int) -> NDArray[np.float32]:
    """Strokes [H, W] centered on a square of paper -> [size_px, size_px]."""
    height, width = strokes.shape
    side, inner = max(height, width), size_px - 2 * margin_px
    top, left = (side - height) // 2, (side - width) // 2
    square = np.pad(strokes, ((top, side - height - top), (left, side - width - left)))
    small = Image.fromarray(square).resize((inner, inner), Image.Resampling.BILINEAR)
    return np.pad(np.clip(np.asarray(small, dtype=np.float32), 0, 1), margin_px)


def _reduce(pixels: NDArray[Any]) -> NDArray[Any]:
    """[H, W, C] -> block means with sides of at most `_WORKING_SIDE_PX`, in the same range."""
    step = -(-max(pixels.shape[:2]) // _WORKING_SIDE_PX)
    if step == 1:
        return pixels
    levels = 255 if pixels.dtype == np.uint8 else 1
    total: NDArray[Any] = pixels
    count = np.ones((1, 1, 1), dtype=np.float32)
    for axis in (0, 1):
        starts = np.arange(0, pixels.shape[axis], step)
        total = np.add.reduceat(total, starts, axis=axis, dtype=np.float32)
        sizes = np.diff(starts, append=pixels.shape[axis]).astype(np.float32)
        count = count * np.expand_dims(sizes, (1 - axis, 2))
    return total / (count * levels)
