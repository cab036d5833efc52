"""The commands that write what is held to an open form, and take it in again."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from holotype.cli import train
from holotype.cli.display import AsJson, counted, print_json, say
from holotype.cli.progress import bars
from holotype.errors import GalleryError
from holotype.gallery import called, copy, existing, is_url
from holotype.gallery import take_in as from_folder


def export(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A gallery, or the folder of a run."),
    ],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="The folder to make.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="OUT", help="The same, as an option.")] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Of a gallery: all that is held on this one, no more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a gallery to a folder that any program can read; or ship a trained model as a pack.

    Of a gallery: the identities as JSON lines, the vectors as an array, pictures where they are
    kept. With `--label` all that is held on one person, for that person. `holotype import` takes it
    in again. It needs no model.

    Of a run: the model as one folder, measured on classes that it has not seen.

    Example: `holotype export desk.gallery desk-export`

    Example: `holotype export runs/first --out my-pack`
    """
    target = folder or out
    if target is None or (folder and out):
        raise typer.BadParameter("Give one folder to make, OUT or --out OUT")
    if not (is_url(source) or Path(source).is_file()):
        if not Path(source).is_dir():
            raise GalleryError(
                f"there is no gallery at {source!r}, and no run",
                "Name a gallery, or the folder of a run",
            )
        if label is not None:
            raise typer.BadParameter("--label is of a gallery, and SOURCE is none")
        train.export(Path(source), target, as_json)
        return
    with existing(source) as kept:
        found = kept.export(target, label)
    if as_json:
        print_json({"export": os.fspath(target), **asdict(found)})
        return
    identities = counted(found.identities, "identity", "identities")
    examples = counted(found.examples, "example")
    more = f", {counted(found.pictures, 'picture')}" if found.pictures else ""
    more += f", {found.strangers} vectors of own strangers" if found.strangers else ""
    more += f", {found.reviews} reviews" if found.reviews else ""
    say(
        f"Written to {os.fspath(target)}: {identities}, {examples}{more}. Whoever is forgotten "
        "from now on stays in it."
    )


def take_in(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A folder that `holotype export` wrote.")
    ],
    gallery: Annotated[
        str, typer.Argument(metavar="GALLERY", help="Its file or URL; it may be new.")
    ],
    as_json: AsJson = False,
) -> None:
    """Take an export into a gallery, all of it or nothing. It needs no model.

    A folder of pictures is enrolled: `holotype enroll GALLERY --folder DIR`.

    Example: `holotype import desk-export new.gallery`
    """
    found = from_folder(source, gallery)
    if as_json:
        print_json({"gallery": called(gallery), **asdict(found)})
        return
    already = f"; {found.already} were there already" if found.already else ""
    identities = counted(found.identities, "new identity", "new identities")
    say(f"{identities}, {counted(found.examples, 'example')}{already}.")
    if found.strangers:
        say(f"{counted(found.strangers, 'vector')} of own strangers.")
    if found.reviews:
        say(f"{counted(found.reviews, 'review')}.")
    if found.pictures_left:
        left = counted(found.pictures_left, "picture")
        say(f"Without {left}: this gallery keeps none.", "yellow")


def copy_gallery(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A gallery: its file, or the URL of its database.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="A file or a URL where there is none.")
    ],
    as_json: AsJson = False,
) -> None:
    """Copy a gallery from any store to any other, with its trail, while others go on using it.

    Every row is compared in the end. Run it again where it was interrupted: it goes on.

    Example: `holotype copy desk.gallery postgresql://holotype@db.example/desk`
    """
    with bars() as report:
        found = copy(source, target, progress=partial(report, "copying"))
    if as_json:
        print_json({"from": called(source), "to": called(target), **asdict(found)})
        return
    say(
        f"Copied to {called(target)}, and compared: "
        f"{counted(found.identities, 'identity', 'identities')}, "
        f"{counted(found.examples, 'example')}, {counted(found.strangers, 'vector')} of own "
        f"strangers, {counted(found.lines, 'line')} of the audit trail."
    )
    if found.kept:
        say(f"{found.kept} rows were there from an earlier run.", style="dim")
    say("Whoever is forgotten from now on stays in the one that is not told.")
