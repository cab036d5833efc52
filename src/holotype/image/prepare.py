"""Any picture -> the numbers that a model sees.

The only preprocessing there is: training, export and recognition all come through `prepare`, so
a model meets in use what it met in training. The card of a model pack carries the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from holotype.domains.registry import domain_of
from holotype.image.decode import ImageSource, decode, describe, naming, unit_range
from holotype.image.pixels import Picture
from holotype.preprocessing import Preprocessing

__all__ = [
    "ImageSource",
    "Look",
    "Picture",
    "luminance",
    "prepare",
    "prepare_batch",
    "read",
]


def read(source: ImageSource) -> NDArray[np.float32]:
    """Decode a picture.

    Files are told apart by content, not by name. They are turned upright (EXIF), and what is
    transparent shows white paper. Of a multi-picture JPEG (MPO, as telephones write it) the first
    picture counts, since the others are previews and depth maps of the same shot; any other file
    of more than one frame is refused. Color profiles (ICC) are not applied.

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
        planes = unit_range(decode(source)).transpose(2, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:])))


def luminance(source: ImageSource) -> NDArray[np.float32]:
    """Decode a picture to its luminance, reduced as `prepare` reduces drawings.

    Returns:
        float32 [H, W] in [0, 1].

    Raises:
        ImageError: as for `read`.
    """
    with naming(describe(source)):
        return Picture(decode(source)).luminance


def prepare(source: ImageSource, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Decode a picture and make it the input of a model.

    How, the domain of the model says (`Domain.prepare`).

    Args:
        source: as for `read`.
        preprocessing: from the card of the model pack.

    Returns:
        float32 [C, H, W], `preprocessing.input_shape`. Ink is 1 on paper 0; of a photo it is
        (x - mean) / std with x in [0, 1], RGB where C is 3, grey where it is 1.

    Raises:
        ImageError: as for `read`; or a drawing has no contrast, or not one face is shown.
        MissingExtraError: kind `face`, and what finds faces is not installed.
    """
    return np.asarray(prepare_batch([source], preprocessing)[0])


def prepare_batch(
    sources: Sequence[ImageSource],
    preprocessing: Preprocessing,
    look: Look | None = None,
    part: slice = slice(None),
) -> NDArray[np.float32]:
    """`prepare` for each of B pictures; an error says which one it is about.

    Args:
        sources: as for `read`.
        preprocessing: from the card of the model pack.
        look: called with each picture, which is thus decoded once for all that wants to see it.
        part: those that are meant, one after the other; an error counts all.

    Returns:
        float32 [B, C, H, W], as from `prepare`.

    Raises:
        ImageError: as for `prepare`.
    """
    domain = domain_of(preprocessing)
    rows = range(len(sources))[part]
    batch = np.empty((len(rows), *preprocessing.input_shape), dtype=np.float32)
    for i, row in enumerate(rows):
        place = f"picture {row + 1} of {len(sources)}, " if len(sources) > 1 else ""
        with naming(place + describe(sources[row])):
            picture = Picture(decode(sources[row]))
            batch[i] = domain.prepare(picture, preprocessing)
            if look is not None:
                look(picture)
    return batch


Look = Callable[[Picture], None]
