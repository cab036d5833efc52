"""The command that looks for stored pictures that do harm."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

import holotype
from holotype import recognizer as services
from holotype.cli.decisions import number
from holotype.cli.default_pack import GalleryPlace, Moved
from holotype.cli.display import AsJson, percent, print_json, print_table, say
from holotype.records import LintedPicture


def lint(
    gallery: GalleryPlace,
    fpir: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="The share of strangers that may be accepted."),
    ] = None,
    model: Moved = None,
    as_json: AsJson = False,
) -> None:
    """Show which stored pictures would be missed, who is confused, and who needs another picture.

    Each picture is left out in turn, and asked of the others.

    Example: `holotype lint desk.gallery`
    """
    with holotype.open(gallery, model, create=False) as recognizer:
        found = services.lint(recognizer, fpir)
    if as_json:
        print_json(asdict(found))
        return
    say(
        f"{found.pictures} pictures; {found.checked} have others of their own beside them. At "
        f"{percent(found.rate)} of strangers, each left out in turn:"
    )
    if found.missed:
        print_table(
            ("picture", "example", "would be", "alike to its own", "to another", "to a stranger"),
            [
                (
                    f"{one.label}, number {one.number}",
                    "" if one.example is None else str(one.example),
                    _becomes(one),
                    *(number(value) for value in (one.own, one.other, one.stranger)),
                )
                for one in found.missed
            ],
            numbers=("example", "alike to its own", "to another", "to a stranger"),
        )
    for pair in found.confusions:
        first, second = pair.labels
        pictures = "1 picture" if pair.pictures == 1 else f"{pair.pictures} pictures"
        say(f"{first} and {second} will be confused: {pictures}, {pair.similarity:.3f}.", "yellow")
    for need in found.needs:
        say(f"{need.label} needs another picture: {need.reason}.", "yellow")
    if not (found.missed or found.confusions or found.needs):
        say("Nothing to mend was found.")


def _becomes(one: LintedPicture) -> str:
    if one.stranger is not None:
        return "turned away"
    return "unknown" if one.taken_for is None else f"taken for {one.taken_for}"
