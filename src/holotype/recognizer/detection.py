"""What pictures show that can be recognized, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.faces import EXTRA as FACES
from holotype.domains.texts.files import is_text_file
from holotype.domains.texts.reading import Read
from holotype.domains.voices import hearing
from holotype.domains.voices.formats import is_recording
from holotype.embedder import Embedder
from holotype.errors import ImageError, TextError, VectorError
from holotype.image import pixels, quality
from holotype.image import prepare as preparing
from holotype.image.decode import ImageSource, decode, describe, naming
from holotype.records import Reason
from holotype.stats.scoring import Floats, unit

Reasons = tuple[Reason, ...]
RECORDING = ImageError(
    "this is a recording; the model reads pictures", "The pack `voices` hears recordings"
)
TEXT = ImageError("this is a text; the model reads pictures", "The pack `texts` reads texts")


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """One thing that a picture shows; or nothing, and why."""

    vector: Floats | None  # [D] unit
    reasons: Reasons
    box: tuple[int, int, int, int] | None = None
    problem: str = ""  # why there is no vector, and what helps; without the name of the picture
    remedy: str = ""
    readable: bool = True  # False: nobody could look at it at all


def stacked(found: Sequence[Detected]) -> Floats:
    """The vectors of those that have one: float32 [B, D], B at least 1."""
    return np.stack([one.vector for one in found if one.vector is not None])


def given(vectors: NDArray[Any], dim: int) -> list[Detected]:
    """Embeddings that somebody else computed, as what pictures would have shown.

    Args:
        vectors: float [B, D] or [D].
        dim: D of the gallery.

    Raises:
        VectorError: of another shape or length, not numbers, not finite, or zero.
    """
    array = np.asarray(vectors)
    if array.dtype.kind != "f":
        raise VectorError(
            f"the vectors are {array.dtype}; embeddings are floating-point numbers",
            "Pass them as they come from the model, as float32",
        )
    if array.ndim not in (1, 2) or array.shape[-1] != dim or not array.size:
        raise VectorError(
            f"vectors of shape {list(array.shape)} do not fit a gallery of {dim} numbers each",
            f"Pass [{dim}] for one, or [B, {dim}] for B of them",
        )
    array = np.atleast_2d(array).astype(np.float64)
    length = np.linalg.norm(array, axis=1)
    for row in np.flatnonzero(~(np.isfinite(length) & (length > 0)))[:1].tolist():
        what = "zero, and has no direction" if length[row] == 0 else "not finite"
        raise VectorError(f"vector {row + 1} of {len(array)} is {what}", "Embed it again")
    return [Detected(vector, ()) for vector in unit(array)]


def detect(
    embedder: Embedder, images: Sequence[ImageSource | Detected], everybody: bool = False
) -> list[list[Detected]]:
    """What each of B pictures, recordings or texts shows. One that cannot be read spoils no other.

    Args:
        embedder: of any model.
        images: as for `images.read`; what was detected before stays as it is.
        everybody: whether each face of a picture is a probe; if not, there is one.

    Returns:
        B lists of at least one probe.

    Raises:
        MissingExtraError: what finds faces, or reads recordings or texts, is not installed.
        PackError: the model fails.
    """
    find = _FINDING.get(embedder.preprocessing.kind)
    if find is None:
        look = _TOGETHER.get(embedder.preprocessing.kind, pictures)
        return [[probe] for probe in look(embedder, images)]
    shown = []
    for image in images:
        if isinstance(image, Detected):
            shown.append([image])
            continue
        try:
            shown.append(find(embedder, image, everybody))
        except ImageError as error:
            shown.append([_unreadable(image, error)])
    return shown


def pictures(embedder: Embedder, images: Sequence[ImageSource | Detected]) -> list[Detected]:
    """Each picture as one thing."""
    found: list[Detected] = []
    for start in range(0, len(images), embedder.chunk):
        looked = [_prepared(embedder, image) for image in images[start : start + embedder.chunk]]
        prepared = [one[0] for one in looked if not isinstance(one, Detected)]
        vectors = iter(embedder.embed_prepared(np.stack(prepared)) if prepared else ())
        found += [
            one if isinstance(one, Detected) else Detected(next(vectors), one[1]) for one in looked
        ]
    return found


def _prepared(
    embedder: Embedder, image: ImageSource | Detected
) -> tuple[Floats, Reasons] | Detected:
    """A picture as the model's input, and what is wrong with it; or that it cannot be read."""
    if isinstance(image, Detected):
        return image
    reasons: list[Reasons] = []

    def look(picture: preparing.Picture) -> None:
        found = quality.doubts(picture.pixels, picture.luminance, embedder.preprocessing)
        reasons.append(found)

    try:
        (one,) = preparing.prepare_batch([image], embedder.preprocessing, look)
    except ImageError as error:
        foreign = next((said for is_one, said in _FOREIGN if is_one(image)), error)
        return _unreadable(image, foreign)
    return one, reasons[0]


def texts(embedder: Embedder, sources: Sequence[ImageSource | Detected]) -> list[Detected]:
    """Each text as one thing."""
    looked = [_read(embedder, source) for source in sources]
    vectors = iter(embedder.embed_read([one for one in looked if isinstance(one, Read)]))
    return [
        one if isinstance(one, Detected) else Detected(next(vectors), one.doubts) for one in looked
    ]


def _read(embedder: Embedder, source: ImageSource | Detected) -> Read | Detected:
    if isinstance(source, Detected):
        return source
    try:
        return embedder.read(source)
    except TextError as error:
        return _unreadable(source, error)


def _unreadable(image: ImageSource, error: ImageError) -> Detected:
    problem = error.problem.removeprefix(f"{describe(image)}: ")
    reason = Reason("unreadable", f"{problem}. {error.remedy}")
    return Detected(None, (reason,), problem=problem, remedy=error.remedy, readable=False)


def faces(embedder: Embedder, image: ImageSource, everybody: bool = False) -> list[Detected]:
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
    with FACES.required():
        from holotype.domains.faces.alignment import chip
        from holotype.domains.faces.sighting import rgb_bytes, sightings
    with naming(describe(image)):
        decoded = decode(image)
    found = []
    for sighting in sightings(decoded, everybody):
        reasons = tuple(doubt.reason for doubt in sighting.doubts)
        if sighting.face is None:
            (doubt,) = sighting.doubts
            found.append(Detected(None, reasons, problem=doubt.problem, remedy=doubt.remedy))
        else:
            wanted = embedder.preprocessing
            prepared = pixels.photo(chip(rgb_bytes(decoded), sighting.face, wanted), wanted)
            (vector,) = embedder.embed_prepared(prepared[None])
            found.append(Detected(vector, reasons, sighting.face.box))
    return found


def voice(embedder: Embedder, recording: ImageSource, everybody: bool = False) -> list[Detected]:
    """The one voice of a recording.

    Args:
        embedder: of a model of the kind `voice`.
        recording: as for `voices.hearing.hear`.
        everybody: makes no difference: voices are not taken apart.

    Raises:
        RecordingError: it cannot be read.
        MissingExtraError: what reads recordings is not installed.
    """
    assert embedder.preprocessing.hearing is not None
    try:
        heard = hearing.hear(recording, embedder.preprocessing.hearing)
    except hearing.NoVoiceError as error:
        problem = error.problem.removeprefix(f"{describe(recording)}: ")
        reason = Reason(error.code, f"{problem}. {error.remedy}")
        return [Detected(None, (reason,), problem=problem, remedy=error.remedy)]
    vector, windows, unity = embedder.embed_parts(heard.windows(embedder.chunk))
    mixed = hearing.several(windows, unity)
    return [Detected(vector, (*heard.doubts, *((mixed,) if mixed else ())))]


_FOREIGN = ((is_recording, RECORDING), (is_text_file, TEXT))
# The kinds whose sources are looked at together, beside those of pictures.
_TOGETHER: dict[str, Callable[[Embedder, Sequence[ImageSource | Detected]], list[Detected]]] = {
    "text": texts
}
# The kinds whose sources are searched for what is to be recognized.
_FINDING: dict[str, Callable[[Embedder, ImageSource, bool], list[Detected]]] = {
    "face": faces,
    "voice": voice,
}
