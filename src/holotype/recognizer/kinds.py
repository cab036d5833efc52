"""Pictures that are plainly of another kind than a model reads are not looked at by it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from numpy.typing import NDArray

from holotype.domains.texts.files import is_text_file
from holotype.domains.voices.formats import is_recording
from holotype.errors import AnotherKindError
from holotype.image import input_kind
from holotype.image.decode import ImageSource, decode, describe, naming
from holotype.recognizer.detection import RECORDING, TEXT
from holotype.records import Preprocessing

DEFAULT_MODEL = "characters"
# By `Preprocessing.takes`: the pack of a gallery for which none is named.
USUAL_MODELS = {"picture": DEFAULT_MODEL, "recording": "voices", "text": "texts"}
_OTHERS = ((is_recording, RECORDING, "voices"), (is_text_file, TEXT, "texts"))
_FACE = "this looks like a photograph of a face"


def usual_model(source: ImageSource) -> str:
    """The pack that the source goes to where none is named."""
    return next((pack for is_one, _, pack in _OTHERS if is_one(source)), DEFAULT_MODEL)


def require_kind(
    images: Sequence[ImageSource], preprocessing: Preprocessing, remedy: str = ""
) -> None:
    """Refuse pictures that are plainly of another kind than a model reads.

    Args:
        images: as for `images.read`.
        preprocessing: of the model.
        remedy: what else helps, as a clause that goes on with "or".

    Raises:
        AnotherKindError: one of them is; the message says which, and which pack reads such.
        ImageError: one of them cannot be read.
    """
    for number, image in enumerate(images, start=1):
        for is_one, said, pack in _OTHERS:
            if is_one(image):
                raise AnotherKindError(f"{describe(image)}: {said.problem}", said.remedy, (pack,))
        with naming(describe(image)):
            pixels = decode(image)
        found = input_kind.another_kind(pixels, preprocessing)
        if found is None or not found.plainly:
            continue
        problem, helps, packs = found.problem, found.remedy, found.packs
        if "faces" in packs and _shows_a_face(pixels):
            problem = problem.replace(input_kind.TONES, _FACE)
            helps, packs = "The pack `faces` reads faces", ("faces",)
        place = f"picture {number} of {len(images)}, " if len(images) > 1 else ""
        raise AnotherKindError(
            f"{place}{describe(image)}: {problem}", f"{helps}{remedy and f'; {remedy}'}", packs
        )


def _shows_a_face(pixels: NDArray[Any]) -> bool:
    """Whether what finds faces is installed, and finds one."""
    if any(find_spec(name) is None for name in ("dlib", "face_recognition_models")):
        return False
    from holotype.domains.faces.sighting import sightings

    return sightings(pixels)[0].face is not None
