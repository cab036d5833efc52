"""What the domains have in common whose things are pictures, each of them one thing."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from PIL import Image

from holotype.domains.domain import Detected, Domain, Floats, Model, Reasons, unreadable
from holotype.domains.registry import owner
from holotype.errors import ImageError
from holotype.image import prepare, quality
from holotype.image.decode import ImageSource
from holotype.image.pixels import Picture

# More than a call to a server brings: such calls share the cores already, and the memory.
_MANY = 100
_PART = 8  # of many, so many go through the model together
_T = TypeVar("_T")


class PictureDomain(Domain):
    """One whose things are pictures."""

    def embed(self, model: Model, sources: Sequence[ImageSource]) -> Floats:
        """As for `Domain.embed`."""
        result = np.empty((len(sources), model.embedding_dim), dtype=np.float32)

        def embed(part: slice) -> None:
            batch = prepare.prepare_batch(sources, model.preprocessing, part=part)
            result[part] = model.embed_prepared(batch)

        _in_parts(model, len(sources), embed)
        return result

    def detect(
        self, model: Model, sources: Sequence[ImageSource | Detected], everybody: bool = False
    ) -> list[list[Detected]]:
        """Each picture as one thing."""

        def find(part: slice) -> list[list[Detected]]:
            looked = [_prepared(model, source) for source in sources[part]]
            prepared = [one[0] for one in looked if not isinstance(one, Detected)]
            vectors = iter(model.embed_prepared(np.stack(prepared)) if prepared else ())
            return [
                [one if isinstance(one, Detected) else Detected(next(vectors), one[1])]
                for one in looked
            ]

        return [one for part in _in_parts(model, len(sources), find) for one in part]

    def as_file(self, source: ImageSource) -> bytes:
        """As a PNG of 8 bits."""
        pixels = np.rint(255 * prepare.read(source).transpose(1, 2, 0)).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="PNG")
        return file.getvalue()


def _in_parts(model: Model, count: int, work: Callable[[slice], _T]) -> list[_T]:
    """What work on some of the pictures at a time gives; all of a large folder would take memory.

    Of many, several parts at once: while one is prepared, which is Python's and has one core,
    others are computed.
    """
    many = model.beside > 1 and count >= max(_MANY, _PART * model.beside)
    size = min(model.chunk, _PART) if many else model.chunk
    # The first of many parts is half as large, so that not all are prepared at the same time.
    first = -(size // 2) if many else 0
    parts = [slice(max(0, start), start + size) for start in range(first, count, size)]
    if not many:
        return [work(part) for part in parts]
    with model.crowd(), ThreadPoolExecutor(model.beside, "pictures") as threads:
        return list(threads.map(work, parts))


def _prepared(model: Model, source: ImageSource | Detected) -> tuple[Floats, Reasons] | Detected:
    """A picture as the model's input, and what is wrong with it; or that it cannot be read."""
    if isinstance(source, Detected):
        return source
    reasons: list[Reasons] = []

    def look(picture: Picture) -> None:
        reasons.append(quality.doubts(picture, model.preprocessing))

    try:
        (one,) = prepare.prepare_batch([source], model.preprocessing, look)
    except ImageError as error:
        return unreadable(source, foreign(source) or error)
    return one, reasons[0]


def foreign(source: ImageSource) -> ImageError | None:
    """Why a source is no picture; None where it may be one."""
    found = owner(source)
    if found is None:
        return None
    return ImageError(f"this is a {found.takes}; the model reads pictures", found.offer)
