"""Pictures that are plainly of another kind than a model reads are not looked at by it."""

from __future__ import annotations

from collections.abc import Sequence

from holotype.domains.picture_domain import foreign
from holotype.domains.registry import default_domain, of_pack, owner
from holotype.errors import AnotherKindError
from holotype.image import input_kind
from holotype.image.decode import ImageSource, decode, describe, naming
from holotype.image.pixels import Picture
from holotype.preprocessing import Preprocessing

DEFAULT_MODEL = default_domain().usual_pack


def usual_model(source: ImageSource) -> str:
    """The pack that the source goes to where none is named."""
    return (owner(source) or default_domain()).usual_pack


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
        if (said := foreign(image)) is not None:
            problem = f"{describe(image)}: {said.problem}"
            raise AnotherKindError(problem, said.remedy, (usual_model(image),))
        with naming(describe(image)):
            picture = Picture(decode(image))
        found = input_kind.another_kind(picture, preprocessing)
        if found is None or not found.plainly:
            continue
        problem, helps, packs = found.problem, found.remedy, found.packs
        for pack in packs:
            if looks := of_pack(pack).sighted(picture.pixels):
                problem = problem.replace(input_kind.TONES, looks)
                helps, packs = of_pack(pack).offer, (pack,)
        place = f"picture {number} of {len(images)}, " if len(images) > 1 else ""
        raise AnotherKindError(
            f"{place}{describe(image)}: {problem}", f"{helps}{remedy and f'; {remedy}'}", packs
        )
