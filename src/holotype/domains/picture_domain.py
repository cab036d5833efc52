"""What the domains have in common whose things are pictures, each of them one thing."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from holotype.domains.domain import Detected, Domain, Floats, Model, Reasons, unreadable
from holotype.domains.registry import owner
from holotype.errors import ImageError
from holotype.image import prepare, quality
from holotype.image.decode import ImageSource
from holotype.image.pixels import Picture


class PictureDomain(Domain):
    """One whose things are pictures."""

    def embed(self, model: Model, sources: Sequence[ImageSource]) -> Floats:
        """As for `Domain.embed`."""
        result = np.empty((len(sources), model.embedding_dim), dtype=np.float32)
        done = 0
        for chunk in prepare.prepare_chunks(sources, model.preprocessing, model.chunk):
            result[done : done + len(chunk)] = model.embed_prepared(chunk)
            done += len(chunk)
        return result

    def detect(
        self, model: Model, sources: Sequence[ImageSource | Detected], everybody: bool = False
    ) -> list[list[Detected]]:
        """Each picture as one thing."""
        found: list[list[Detected]] = []
        for start in range(0, len(sources), model.chunk):
            looked = [_prepared(model, source) for source in sources[start : start + model.chunk]]
            prepared = [one[0] for one in looked if not isinstance(one, Detected)]
            vectors = iter(model.embed_prepared(np.stack(prepared)) if prepared else ())
            found += [
                [one if isinstance(one, Detected) else Detected(next(vectors), one[1])]
                for one in looked
            ]
        return found

    def as_file(self, source: ImageSource) -> bytes:
        """As a PNG of 8 bits."""
        pixels = np.rint(255 * prepare.read(source).transpose(1, 2, 0)).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="PNG")
        return file.getvalue()


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
