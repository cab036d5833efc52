"""Erasing an identity, or one of its examples."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from holotype.cli.default_pack import GalleryPlace
from holotype.cli.display import AsJson, counted, print_json, say
from holotype.errors import GalleryError
from holotype.gallery import existing


def forget(
    gallery: GalleryPlace,
    label: Annotated[
        str | None, typer.Argument(metavar="[LABEL]", help="The name of the identity.")
    ] = None,
    example: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Erase one example alone; `holotype show` has the ids."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be erased, and erase nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase one identity with all its examples, or one example. No undo brings it back.

    Example: `holotype forget desk.gallery "Ada"`
    """
    if (label is None) == (example is None):
        raise typer.BadParameter("Give one of LABEL and --example")
    with existing(gallery) as kept:  # the model need not be there
        found = kept.examples(label)
        if example is not None:
            found = tuple(one for one in found if one.id == example)
        name = label or next((one.label for one in found), None)
        removed = 0
        if example is not None and not found:
            raise GalleryError(
                f"there is no example {example} in {os.fspath(gallery)!r}",
                "Look at the examples with `holotype show`",
            )
        if example is not None and not dry_run:
            removed = kept.remove_example(example).examples
        elif label is not None and not dry_run:
            removed = kept.remove(label).examples
    if as_json:
        print_json({"label": name, "removed": removed})
    elif dry_run:
        pictures = sum(one.picture for one in found)
        say(
            f"{name}: {counted(len(found), 'example')} would be erased, {pictures} with a picture. "
            "No undo brings them back. Nothing was changed."
        )
    elif example is not None:
        say(f"example {example} of {name} erased")
    else:
        say(f"{label}: forgotten, {counted(removed, 'example')} erased")
