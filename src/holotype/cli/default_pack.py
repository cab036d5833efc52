"""With which pack a gallery begins, where nobody named one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from holotype.cli.display import confirmed
from holotype.errors import AnotherKindError
from holotype.pack import load_pack
from holotype.recognizer import DEFAULT_MODEL
from holotype.recognizer.kinds import require_kind, usual_model

GalleryPlace = Annotated[
    str,
    typer.Argument(metavar="GALLERY", help="The file of the gallery, or the URL of its database."),
]
Moved = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="PACK",
        help="Where the model pack of the gallery is now, if it was moved.",
    ),
]


def fitting_model(images: Sequence[Path], asking: bool) -> str:
    """The usual pack, or the one that the pictures are for, if a person says so.

    Recordings go to the one pack that hears, without a question.

    Args:
        images: the first pictures.
        asking: whether a person is there to answer.

    Raises:
        AnotherKindError: they are plainly none for the usual pack, and nobody chose another; the
            remedy is what to type.
        ImageError: one of them cannot be read.
    """
    if (usual := usual_model(images[0])) != DEFAULT_MODEL:
        return usual
    try:
        require_kind(images, load_pack(DEFAULT_MODEL).card.preprocessing)
    except AnotherKindError as error:
        if not error.packs:
            raise
        fitting = error.packs[0]
        question = f"{error.problem}. Make the gallery with the pack `{fitting}` instead?"
        if asking and confirmed(question):
            return fitting
        typed = " or ".join(f"`--model {name}`" for name in error.packs)
        raise AnotherKindError(
            f"{error.problem}, and `{DEFAULT_MODEL}` is the pack of a gallery for which none is "
            "named",
            f"{error.remedy}. Type the command again with {typed}; or with `--anyway`",
            error.packs,
        ) from None
    return DEFAULT_MODEL
