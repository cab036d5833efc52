"""Any picture -> the numbers that a model sees.

The only preprocessing there is: training, export and recognition all come through `prepare`, so
a model meets in use what it met in training. The card of a model pack carries the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.domains.faces import EXTRA as FACES
from holotype.errors import ImageError
from holotype.forking import cached_property
from holotype.image import ink, pixels
from holotype.image.decode import ImageSource, decode, describe, naming, unit_range
from holotype.records import Preprocessing

__all__ = [
    "ImageSource",
    "Look",
    "Picture",
    "luminance",
    "prepare",
    "prepare_batch",
    "prepare_chunks",
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

    Kind `ink`: the strokes, cropped, centered and scaled (`ink.strokes`, `ink.fit`), fitted `wide`
    at twice their height. Kind `frame`: the strokes where they are, the whole frame on a square of
    paper, as the few-shot papers feed their drawings. Kind `photo`: the whole picture in its tones;
    its largest centered part of the input's proportions (`crop`, of which a share may be kept), all
    of it on a ground of the mean tone (`pad`), or all of it drawn to the input's shape
    (`stretch`). Kind `face`: the one face of the picture, turned upright and
    cut out, then as a photo.

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
    sources: Sequence[ImageSource], preprocessing: Preprocessing, look: Look | None = None
) -> NDArray[np.float32]:
    """`prepare` for each of B pictures; an error says which one it is about.

    Args:
        sources: as for `read`.
        preprocessing: from the card of the model pack.
        look: called with each picture, which is thus decoded once for all that wants to see it.

    Returns:
        float32 [B, C, H, W], as from `prepare`.

    Raises:
        ImageError: as for `prepare`.
    """
    chunks = list(prepare_chunks(sources, preprocessing, max(1, len(sources)), look))
    return chunks[0] if chunks else np.empty((0, *preprocessing.input_shape), np.float32)


def prepare_chunks(
    sources: Sequence[ImageSource],
    preprocessing: Preprocessing,
    size: int,
    look: Look | None = None,
) -> Iterator[NDArray[np.float32]]:
    """`prepare_batch`, a few pictures at a time: all of a large folder would not fit in memory.

    Args:
        sources: B, as for `read`.
        preprocessing: from the card of the model pack.
        size: pictures in a chunk, at least 1; the last one may have fewer.
        look: as for `prepare_batch`.

    Yields:
        float32 [b, C, H, W], as from `prepare`.

    Raises:
        ImageError: as for `prepare`.
    """
    to_input = _KINDS.get(preprocessing.kind)
    if to_input is None:
        raise ImageError(
            f"the model reads {preprocessing.kind}, not pictures",
            "Give what it reads to `Embedder.embed_tensors`, and the embeddings as `vectors=`",
        )
    for start in range(0, len(sources), size):
        count = min(size, len(sources) - start)
        chunk = np.empty((count, *preprocessing.input_shape), dtype=np.float32)
        for i, source in enumerate(sources[start : start + count]):
            place = f"picture {start + i + 1} of {len(sources)}, " if len(sources) > 1 else ""
            with naming(place + describe(source)):
                picture = Picture(decode(source))
                chunk[i] = to_input(picture, preprocessing)
                if look is not None:
                    look(picture)
        yield chunk


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
        return pixels.grey(self.pixels)


Look = Callable[[Picture], None]


def _ink(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.float32]:
    strokes = ink.strokes(picture.luminance)
    size_px, margin_px = preprocessing.size_px, preprocessing.margin_px
    return ink.fit(strokes, size_px, margin_px, 2 if preprocessing.fit == "wide" else 1)[None]


def _frame(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.float32]:
    strokes = ink.strokes(picture.luminance)
    return _whole_frame(strokes, preprocessing.size_px, preprocessing.margin_px)[None]


def _photo(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.float32]:
    return pixels.photo(picture.pixels, preprocessing)


def _face(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.float32]:
    with FACES.required():
        from holotype.domains.faces.alignment import chip
        from holotype.domains.faces.sighting import only_face, rgb_bytes
    face = only_face(picture.pixels)
    return pixels.photo(chip(rgb_bytes(picture.pixels), face, preprocessing), preprocessing)


def _voice(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.float32]:
    raise ImageError("this is a picture; the model hears recordings", "Give a recording")


def _text(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.float32]:
    raise ImageError("this is a picture; the model reads texts", "Give a text")


# How each kind of preprocessing makes the input of a model, float32 [C, S, S].
_KINDS: dict[str, Callable[[Picture, Preprocessing], NDArray[np.float32]]] = {
    "ink": _ink,
    "frame": _frame,
    "photo": _photo,
    "face": _face,
    "voice": _voice,
    "text": _text,
}


def _whole_frame(strokes: NDArray[np.float32], size_px: int, margin_px: int) -> NDArray[np.float32]:
    """Strokes [H, W] centered on a square of paper -> [size_px, size_px]."""
    height, width = strokes.shape
    side, inner = max(height, width), size_px - 2 * margin_px
    top, left = (side - height) // 2, (side - width) // 2
    square = np.pad(strokes, ((top, side - height - top), (left, side - width - left)))
    small = Image.fromarray(square).resize((inner, inner), Image.Resampling.BILINEAR)
    return np.pad(np.clip(np.asarray(small, dtype=np.float32), 0, 1), margin_px)
