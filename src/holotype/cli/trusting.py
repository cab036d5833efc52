"""The commands that tie a gallery's promise to its own place: own strangers, and reviews."""

from __future__ import annotations

import os
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import holotype
from holotype.calibration.threshold import FEW_CLASSES
from holotype.cli.display import (
    AsJson,
    can_ask,
    confirmed,
    percent,
    print_json,
    print_table,
    say,
)
from holotype.errors import DataError
from holotype.gallery import SqliteGallery
from holotype.records import Calibration
from holotype.tasks.folders import PICTURE_SUFFIXES, read_folder

_Gallery = Annotated[Path, typer.Argument(metavar="GALLERY", help="The file of the gallery.")]


class Suspects(StrEnum):
    """What becomes of strangers who may be enrolled."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave-out"
    KEEP = "keep"


def calibrate(
    gallery: _Gallery,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="One folder for each person or thing, or pictures of a different one each.",
        ),
    ] = None,
    suspects: Annotated[
        Suspects,
        typer.Option(help="What to do with strangers who may in truth be enrolled."),
    ] = Suspects.REFUSE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Accept without asking.")] = False,
    listing: Annotated[
        bool, typer.Option("--list", help="Show the batches of strangers that are stored.")
    ] = False,
    remove: Annotated[
        str | None, typer.Option(metavar="BATCH", help="Erase a batch of strangers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let strangers of your own set the thresholds: people or things that are not enrolled.

    Take the pictures where those to recognize are taken. What they change is shown first; without
    a terminal, `--yes` or `--dry-run` says what to do. Only vectors are stored.

    Example: `holotype calibrate desk.gallery strangers --dry-run`
    """
    if sum((folder is not None, listing, remove is not None)) != 1:
        raise typer.BadParameter("Give one of FOLDER, --list and --remove")
    if folder is None:
        with SqliteGallery.existing(gallery) as kept:
            if remove is not None:
                _removed(kept.remove_strangers(remove), as_json)
            else:
                _listed(kept, as_json)
        return
    if not (yes or dry_run) and (as_json or not can_ask()):
        raise typer.BadParameter("Nobody is there to ask: pass --yes or --dry-run")
    paths, classes, flat = _pictures(folder)

    def accept(change: Calibration) -> bool:
        refused = bool(change.suspects) and suspects is Suspects.REFUSE
        if not as_json:
            _show(change, flat)
        # What is refused in any case needs no asking.
        return not dry_run and (yes or refused or confirmed("Accept?"))

    with holotype.open(gallery, create=False) as recognizer:
        change = recognizer.calibrate(paths, classes, suspects=suspects.value, accept=accept)
    if as_json:
        print_json(asdict(change))
    elif change.batch:
        say(f"Stored as batch {change.batch}.")
    else:
        say("Nothing was stored.")


def feedback(
    gallery: _Gallery,
    decision: Annotated[
        str, typer.Argument(metavar="ID", help="The id that `identify --json` gave.")
    ],
    correct: Annotated[
        bool | None, typer.Option("--correct/--wrong", help="Whether the answer was right.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="The picture, to be learned from if the answer was a sure match."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the feedback and what came of it back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a decision was right.

    Example: `holotype feedback desk.gallery ID --wrong`
    """
    if undo == (correct is not None) or (undo and image is not None):
        raise typer.BadParameter("Give one of --correct, --wrong and --undo")
    with holotype.open(gallery, create=False) as recognizer:
        if correct is None:
            erased = recognizer.undo_feedback(decision)
            if as_json:
                print_json({"erased": erased})
            else:
                say(f"Undone, {erased} example{'' if erased == 1 else 's'} erased.")
            return
        reviewed = recognizer.feedback(decision, correct, image)
    if as_json:
        print_json(asdict(reviewed))
        return
    say(f"Noted as {'right' if correct else 'wrong'}, decision {reviewed.decision}.")
    if reviewed.added:
        say("The picture is an example now.")
    for reason in reviewed.reasons:
        say(f"The picture is no example: {reason.text}.", style="yellow")


def review(gallery: _Gallery, as_json: AsJson = False) -> None:
    """Show what feedback says about this installation: false accepts, counted.

    Example: `holotype review desk.gallery`
    """
    with holotype.open(gallery, create=False) as recognizer:
        rows = recognizer.review()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    if not rows:
        say("No decision was reviewed.")
        return
    print_table(
        ("stated", "matches", "wrong", "unknowns", "missed", "strangers accepted", "95 % interval"),
        [
            (
                f"{row.rate_kind} {percent(row.rate)}",
                str(row.matches),
                str(row.accepted),
                str(row.unknowns),
                str(row.missed),
                "" if row.value is None else percent(row.value),
                f"{percent(row.low)} to {percent(row.high)}" if row.strangers else "",
            )
            for row in rows
        ],
        numbers=("matches", "wrong", "unknowns", "missed", "strangers accepted"),
    )
    say(
        "Counted over reviewed decisions only, each as if it stood by itself; people rather review "
        "what looks odd. A wrong match may also be somebody enrolled, taken for another.",
        style="dim",
    )


def _pictures(folder: Path) -> tuple[list[Path], list[str] | None, bool]:
    """The pictures, the class of each, and whether each is a class of its own.

    Raises:
        DataError: it is no folder, or has no pictures.
    """
    if folder.is_dir() and not any(
        entry.is_dir() and not entry.name.startswith(".") for entry in folder.iterdir()
    ):
        paths = sorted(
            entry
            for entry in folder.iterdir()
            if entry.suffix.lower() in PICTURE_SUFFIXES and not entry.name.startswith(".")
        )
        if not paths:
            raise DataError(
                f"{os.fspath(folder)!r} has no pictures",
                "Put the pictures of each stranger into a folder of their own inside it",
            )
        return paths, [path.name for path in paths], True
    found = read_folder(folder)
    return list(found.paths), [found.class_names[i] for i in found.class_index], False


def _show(change: Calibration, flat: bool) -> None:
    say(
        f"{change.pictures} pictures of {change.classes} strangers"
        + (", each taken for a different one" if flat else "")
        + f"; {change.classes_in_all} with those stored before."
    )
    print_table(
        ("stated", "accepted from, before", "after", "of these let in, before", "after"),
        [
            (
                percent(row.rate),
                _similarity(row.before),
                _similarity(row.after),
                _count(row.accepted_before),
                _count(row.accepted_after),
            )
            for row in change.rates
        ],
        numbers=("accepted from, before", "after", "of these let in, before"),
    )
    say(
        f"Smallest rate that can be promised: {_promise(change.smallest_before)} before, "
        f"{_promise(change.smallest_after)} after."
    )
    if not change.counts:
        say(f"They do not count before they are {FEW_CLASSES} people or things.", "yellow")
    for suspect in change.suspects:
        say(
            f"{suspect.name} may be enrolled as {suspect.label}, similarity "
            f"{suspect.similarity:.2f}, pictures: {suspect.pictures}",
            "yellow",
        )


def _similarity(value: float | None) -> str:
    return "refused" if value is None else f"{value:.3f}"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _promise(rate: float) -> str:
    return "none" if rate >= 1 else percent(rate)


def _removed(count: int, as_json: bool) -> None:
    if as_json:
        print_json({"removed": count})
    else:
        say(f"{count} vectors of strangers erased.")


def _listed(kept: SqliteGallery, as_json: bool) -> None:
    batches = kept.stranger_batches()
    if as_json:
        print_json([asdict(batch) for batch in batches])
    elif batches:
        print_table(
            ("batch", "stored", "strangers", "pictures"),
            [
                (
                    batch.id,
                    batch.created.isoformat(timespec="seconds"),
                    str(batch.classes),
                    str(batch.vectors),
                )
                for batch in batches
            ],
            numbers=("strangers", "pictures"),
        )
    else:
        say("No own strangers.")
