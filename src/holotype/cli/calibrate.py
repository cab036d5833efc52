"""The commands that tie a gallery to its own place: own strangers, and reviews."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import holotype
from holotype import recognizer as services
from holotype.cli.calibrate_unlabeled import calibrate_unlabeled
from holotype.cli.default_pack import GalleryPlace, Moved
from holotype.cli.display import (
    AsJson,
    can_ask,
    confirmed,
    percent,
    print_json,
    print_table,
    say,
)
from holotype.cli.inputs import embeddings, say_passed_over
from holotype.cli.inputs import strangers as strangers_in
from holotype.errors import VectorError
from holotype.gallery import Gallery, existing
from holotype.openset.threshold import FEW_CLASSES
from holotype.recognizer.calibration import unusable_refusal
from holotype.records import Calibration, RateChange


class Suspects(StrEnum):
    """What becomes of strangers who may be enrolled."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave-out"
    KEEP = "keep"


def calibrate(
    gallery: GalleryPlace,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="One folder for each person or thing, or pictures of a different one each.",
        ),
    ] = None,
    unlabeled: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Pictures from where probes will come, of whomever: enrolled or not.",
        ),
    ] = None,
    suspects: Annotated[
        Suspects,
        typer.Option(help="What to do with strangers who may in truth be enrolled."),
    ] = Suspects.REFUSE,
    skip_unusable: Annotated[
        bool,
        typer.Option(
            "--skip-unusable", help="Leave out pictures that cannot be read or hold nothing."
        ),
    ] = False,
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
    model: Moved = None,
    as_json: AsJson = False,
) -> None:
    """Recalibrate thresholds with pictures of people or things that are not enrolled.

    Take them where the pictures to be recognized are taken. What changes is shown, and then you
    are asked; without a terminal, `--yes` or `--dry-run` says what to do. Only vectors are stored.

    Example: `holotype calibrate desk.gallery strangers`
    """
    if sum((folder is not None, unlabeled is not None, listing, remove is not None)) != 1:
        raise typer.BadParameter("Give one of FOLDER, --unlabeled, --list and --remove")
    if folder is None and unlabeled is None:
        with existing(gallery) as kept:
            if remove is not None:
                _removed(kept.remove_strangers(remove), as_json)
            else:
                _listed(kept, as_json)
        return
    if not (yes or dry_run) and (as_json or not can_ask()):
        raise typer.BadParameter("Not a terminal: pass --yes or --dry-run")
    if folder is None:
        assert unlabeled is not None
        calibrate_unlabeled(
            gallery,
            unlabeled,
            model=model,
            skip_unusable=skip_unusable,
            dry_run=dry_run,
            yes=yes,
            as_json=as_json,
        )
        return

    def accept(change: Calibration) -> bool:
        if not as_json:
            _show(change, given.single)
        if dry_run:
            return False
        without = bool(change.unusable) and not skip_unusable
        if without and yes:
            raise unusable_refusal(change.unusable, len(given.items), takes)
        # What is refused in any case needs no asking.
        refused = bool(change.suspects) and suspects is Suspects.REFUSE
        left_out = f" without the {len(change.unusable)} that cannot be used" if without else ""
        return yes or refused or confirmed(f"Accept{left_out}?")

    with holotype.open(gallery, model, create=False) as recognizer:
        takes = recognizer.embedder.domain.takes
        given = strangers_in(folder, recognizer.embedder.domain)
        say_passed_over(given.passed_over, as_json)
        # Whether to go on without the unusable is decided above, when all the others are embedded.
        change = services.calibrate(
            recognizer,
            given.items,
            given.names,
            suspects=suspects.value,
            skip_unusable=True,
            accept=accept,
        )
    if as_json:
        print_json(asdict(change))
    elif change.batch:
        say(f"Stored as batch {change.batch}.")
    elif dry_run:
        # No vector of a dry run is kept on disk: they are of people who were not asked.
        say("Nothing was stored. Without --dry-run you are shown the same, and then asked.")
    else:
        say("Nothing was stored.")


def feedback(
    gallery: GalleryPlace,
    decision: Annotated[
        str, typer.Argument(metavar="ID", help="The id that `identify --json` gave.")
    ],
    correct: Annotated[
        bool | None, typer.Option("--correct/--wrong", help="Whether the answer was right.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="The picture (or .npy), to be learned from; see below."),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Who it shows, where the answer was wrong."),
    ] = None,
    stranger: Annotated[
        bool, typer.Option("--stranger", help="It shows nobody who is enrolled, for sure.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the feedback and what came of it back.")
    ] = False,
    model: Moved = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a decision was right, and let its picture teach.

    With `--image`, a match that is right gives an example, if it is a sure one. A match that is
    wrong shows a stranger, who is not taken for anybody again; so does an unknown that is right.
    With `--truth` it becomes an example of who it shows. `--undo` takes all of it back.

    Example: `holotype feedback desk.gallery ID --wrong`
    """
    if undo == (correct is not None) or (undo and (image or truth or stranger)):
        raise typer.BadParameter("Give one of --correct, --wrong and --undo")
    vectors = None if image is None else embeddings([image])
    if vectors is not None and len(vectors) != 1:
        raise VectorError(f"{str(image)!r} holds {len(vectors)} embeddings", "Give one")
    with holotype.open(gallery, model, create=False) as recognizer:
        if correct is None:
            strangers = len(recognizer.gallery.snapshot().strangers.vectors)
            erased = services.undo_feedback(recognizer, decision)
            strangers -= len(recognizer.gallery.snapshot().strangers.vectors)
            if as_json:
                print_json({"erased": erased, "strangers": strangers})
            else:
                gone = f", {strangers} of a stranger" if strangers else ""
                say(f"Undone, {erased} example{'' if erased == 1 else 's'} erased{gone}.")
            return
        reviewed = services.feedback(
            recognizer,
            decision,
            correct,
            image if vectors is None else None,
            vectors=None if vectors is None else vectors[0],
            truth=truth,
            stranger=stranger,
        )
    if as_json:
        print_json(asdict(reviewed))
        return
    say(f"Noted as {'right' if correct else 'wrong'}, decision {reviewed.decision}.")
    if reviewed.added:
        say(f"The picture is an example of {reviewed.label} now.")
    if reviewed.strangers:
        say("It shows a stranger: who is more like it than like anybody enrolled is turned away.")
    for doubt in reviewed.doubts:
        say(f"In doubt: {doubt.text}.", style="yellow")
    for reason in reviewed.reasons:
        say(f"The picture teaches nothing: {reason.text}.", style="yellow")


def review(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Show what feedback says about this installation: false accepts, counted.

    Example: `holotype review desk.gallery`
    """
    with existing(gallery) as kept:  # the model need not be there
        rows = services.review(kept)
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


def _show(change: Calibration, flat: bool) -> None:
    for one in change.unusable:
        say(f"cannot be used: {one.name}: {one.problem}", "yellow")
    say(
        f"{change.pictures} pictures of {change.classes} strangers"
        + (", each taken for a different one" if flat else "")
        + f"; {change.classes_in_all} with those stored before."
    )
    print_table(
        ("stated", "accepted from", "then from", "let in", "then let in", "then"),
        [
            (
                percent(row.rate),
                _similarity(row.before),
                _similarity(row.after),
                _count(row.accepted_before),
                _count(row.accepted_after),
                row.known or "",
            )
            for row in change.rates
        ],
        numbers=("accepted from", "then from", "let in", "then let in"),
    )
    for known, rates in (
        ("guaranteed", (change.guaranteed_before, change.guaranteed_after)),
        ("at least estimated", (change.smallest_before, change.smallest_after)),
    ):
        first, then = ("none" if rate >= 1 else percent(rate) for rate in rates)
        say(f"Smallest rate that is {known}: {first} before, {then} then.")
    if not change.counts:
        say(f"Below {FEW_CLASSES} people or things they say nothing of smaller rates.", "yellow")
    for row in change.rates:
        if row.missing:
            say(missing_words(row), "yellow")
    for suspect in change.suspects:
        say(
            f"{suspect.name} may be enrolled as {suspect.label}, similarity "
            f"{suspect.similarity:.2f}, pictures: {suspect.pictures}",
            "yellow",
        )


def missing_words(row: RateChange) -> str:
    """What is missing for a guarantee of a rate, said in people."""
    people = (
        "1 more person or thing" if row.missing == 1 else f"{row.missing} more people or things"
    )
    return f"{people}, and {percent(row.rate)} is guaranteed."


def _similarity(value: float | None) -> str:
    return "refused" if value is None else f"{value:.3f}"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _removed(count: int, as_json: bool) -> None:
    if as_json:
        print_json({"removed": count})
    else:
        say(f"{count} vectors of strangers erased.")


def _listed(kept: Gallery, as_json: bool) -> None:
    batches = kept.stranger_batches()
    if as_json:
        print_json([asdict(batch) for batch in batches])
    elif batches:
        print_table(
            ("batch", "stored", "strangers", "pictures", "came from"),
            [
                (
                    batch.id,
                    batch.created.isoformat(timespec="seconds"),
                    str(batch.classes),
                    str(batch.vectors),
                    "calibrate" if batch.decision is None else f"feedback {batch.decision}",
                )
                for batch in batches
            ],
            numbers=("strangers", "pictures"),
        )
    else:
        say("No own strangers.")
