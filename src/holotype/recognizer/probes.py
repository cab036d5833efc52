"""What a picture shows that is to be recognized, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from holotype import images as preparing
from holotype import pixels, quality
from holotype.decoding import ImageSource, decode, describe, naming
from holotype.embedder import Embedder
from holotype.errors import ImageError
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
    problem: str = ""  # why there is no vector, and what helps; without the name of the picture
    remedy: str = ""
    readable: bool = True  # False: nobody could look at it at all
    similarity: Floats = field(default_factory=lambda: np.empty(0, dtype=np.float32))  # [N]
    familiarity: float = 1.0  # p-value in (0, 1]


def stacked(probes: Sequence[Probe]) -> Floats:
    """The vectors of B probes that have one: float32 [B, D]."""
    return np.stack([probe.vector for probe in probes if probe.vector is not None])


def picture_probes(
    embedder: Embedder, images: Sequence[ImageSource], everybody: bool = False
) -> list[list[Probe]]:
    """What each of B pictures shows. One that cannot be read spoils none of the others.

    Args:
        embedder: of any model.
        images: as for `images.read`.
        everybody: whether each face of a picture is a probe; if not, there is one.

    Returns:
        B lists of at least one probe.

    Raises:
        MissingExtraError: what finds faces is not installed.
        PackError: the model fails.
    """
    if embedder.preprocessing.kind != "face":
        return [[probe] for probe in _whole_probes(embedder, images)]
    shown = []
    for image in images:
        try:
            shown.append(face_probes(embedder, image, everybody))
        except ImageError as error:
            shown.append([_unreadable(image, error)])
    return shown


def _whole_probes(embedder: Embedder, images: Sequence[ImageSource]) -> list[Probe]:
    probes: list[Probe] = []
    for start in range(0, len(images), embedder.chunk):
        prepared, seen = [], []
        for image in images[start : start + embedder.chunk]:
            found: list[Reasons] = []

            def look(picture: preparing.Picture, found: list[Reasons] = found) -> None:
                doubts = quality.doubts(picture.pixels, picture.luminance, embedder.preprocessing)
                found.append(doubts)

            try:
                (one,) = preparing.prepare_batch([image], embedder.preprocessing, look)
            except ImageError as error:
                probes.append(_unreadable(image, error))
            else:
                prepared.append(one)
                seen.append(Probe(None, found[0]))
                probes.append(seen[-1])
        vectors = embedder.embed_prepared(np.stack(prepared)) if prepared else ()
        for probe, vector in zip(seen, vectors, strict=True):
            probe.vector = vector
    return probes


def _unreadable(image: ImageSource, error: ImageError) -> Probe:
    problem = error.problem.removeprefix(f"{describe(image)}: ")
    reason = Reason("unreadable", f"{problem}. {error.remedy}")
    return Probe(None, (reason,), problem=problem, remedy=error.remedy, readable=False)


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
