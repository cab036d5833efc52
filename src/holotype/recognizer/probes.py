"""What a picture shows that is to be recognized, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holotype import pixels
from holotype.decoding import ImageSource, decode, describe, naming
from holotype.embedder import Embedder
from holotype.faces.extra import faces_extra
from holotype.records import Reason
from holotype.scoring import Floats

Reasons = tuple[Reason, ...]


@dataclass(slots=True, eq=False)
class Probe:
    """One thing that a picture shows; or nothing, and why."""

    vector: Floats | None  # [D] unit
    reasons: Reasons
    box: tuple[int, int, int, int] | None = None
    problem: str = ""  # why there is no vector, and what helps
    remedy: str = ""
    similarity: Floats = field(default_factory=lambda: np.empty(0, dtype=np.float32))  # [N]
    familiarity: float = 1.0  # p-value in (0, 1]


def face_probes(embedder: Embedder, image: ImageSource, everybody: bool = False) -> list[Probe]:
    """The faces of a picture, largest first.

    Args:
        embedder: of a model of the kind `face`.
        image: as for `images.read`.
        everybody: whether each face is a probe; if not, there is one, without a vector unless the
            picture shows one face.

    Raises:
        ImageError: the picture cannot be read.
        MissingExtraError: what finds faces is not installed.
    """
    with faces_extra():
        from holotype.faces.sighting import sightings
    with naming(describe(image)):
        decoded = decode(image)
    found = []
    for sighting in sightings(decoded, everybody):
        reasons = tuple(doubt.reason for doubt in sighting.doubts)
        if sighting.face is None:
            (doubt,) = sighting.doubts
            found.append(Probe(None, reasons, problem=doubt.problem, remedy=doubt.remedy))
        else:
            prepared = pixels.photo(sighting.face.chip, embedder.preprocessing)
            (vector,) = embedder.embed_prepared(prepared[None])
            found.append(Probe(vector, reasons, sighting.face.box))
    return found
