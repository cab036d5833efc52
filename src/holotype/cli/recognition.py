"""The commands that recognize: one Recognizer call each."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

import holotype
from holotype.cli.display import (
    AsJson,
    Cell,
    can_ask,
    confirmed,
    percent,
    print_json,
    print_table,
    say,
)
from holotype.cli.failures import NO_MATCH
from holotype.errors import AlikeError
from holotype.recognizer import DEFAULT_MODEL
from holotype.records import Decision

_Gallery = Annotated[Path, typer.Argument(metavar="GALLERY", help="The file of the gallery.")]
_Label = Annotated[str, typer.Argument(metavar="LABEL", help="The name of the identity.")]
_Images = Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures.")]
_Prior = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="The share of strangers that you expect among the pictures, 0 to 1; only the "
        "probability depends on it.",
    ),
]
_STYLES = {"match": "green", "unknown": "yellow", "cannot_tell": "magenta"}


def enroll(
    gallery: _Gallery,
    label: _Label,
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE", help="Pictures, one example each.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="A description in place of a picture, for a model that reads text."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of the model pack. An existing gallery knows its own; a new one "
            f"is made with `{DEFAULT_MODEL}` unless another is named.",
        ),
    ] = None,
    consent: Annotated[str | None, typer.Option(help="A note on the permission to enroll.")] = None,
    retain_until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day to keep it; see `holotype expire`."),
    ] = None,
    keep_pictures: Annotated[
        bool | None,
        typer.Option(
            "--keep-pictures/--erase-pictures",
            help="From now on, store the pictures as well, so that the gallery can move to another "
            "model (`holotype reembed`); or stop, and erase those that are stored. A new gallery "
            "stores none.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Enroll without asking, whoever it looks like.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse (exit code 13) whoever would be taken for another."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add examples of one identity; the first one makes the gallery.

    On a terminal it asks before it enrolls somebody who would be taken for another.

    Example: `holotype enroll desk.gallery "Ada" ada.png`
    """
    there = gallery.exists()
    with holotype.open(gallery, model, keep_pictures=bool(keep_pictures)) as recognizer:
        if there and keep_pictures not in (None, recognizer.gallery.keep_pictures):
            recognizer.gallery.set_keep_pictures(bool(keep_pictures))
        add = partial(
            recognizer.enroll,
            label,
            *(images or ()),
            text=text,
            consent=consent,
            retain_until=retain_until.date() if retain_until else None,
        )
        asking = can_ask() and not (yes or as_json)
        try:
            enrollment = add(strict=strict or asking)
        except AlikeError as error:
            if strict or not asking or not confirmed(f"{error.problem}. Enroll all the same?"):
                raise
            enrollment = add()
    if as_json:
        print_json(asdict(enrollment))
    else:
        say(
            f"{enrollment.label}: {_examples(enrollment.added)} added, "
            f"{_examples(enrollment.examples)} now"
        )
        for warning in enrollment.warnings:
            say(f"warning: {warning.text}.", style="yellow")
        for other in enrollment.lookalikes:
            say(
                f"warning: {enrollment.label} would be taken for {other.label}, similarity "
                f"{other.similarity:.2f}. Are they one?",
                style="yellow",
            )


def identify(
    gallery: _Gallery,
    images: _Images,
    fpir: Annotated[
        str,
        typer.Option(
            metavar="RATE",
            help="The share of strangers that may be accepted, 0.01 or 1%.",
        ),
    ] = "0.01",
    stranger_prior: _Prior = 0.5,
    all_faces: Annotated[
        bool, typer.Option("--all-faces", help="Identify each face of a picture, not just one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Who is it, or is it nobody? Exit code 0 whatever the answer.

    Example: `holotype identify desk.gallery probe.png --fpir 0.01`
    """
    with holotype.open(gallery, create=False) as recognizer:
        if all_faces:
            seen = [
                (image, sighting.decision)
                for image in images
                for sighting in recognizer.identify_all(
                    image, fpir=fpir, stranger_prior=stranger_prior
                )
            ]
            images, decisions = [image for image, _ in seen], [decision for _, decision in seen]
        else:
            decisions = recognizer.identify(images, fpir=fpir, stranger_prior=stranger_prior)
    if as_json:
        print_json(
            [
                {"image": os.fspath(image), **decision_document(decision)}
                for image, decision in zip(images, decisions, strict=True)
            ]
        )
        return
    print_table(
        ("image", "answer", "label", "similarity", "accepted from", "closest other"),
        [
            _row(os.fspath(image), decision)
            for image, decision in zip(images, decisions, strict=True)
        ],
        numbers=("similarity", "accepted from"),
    )
    if decisions:
        for image, decision in zip(images, decisions, strict=True):
            if decision.answer == "cannot_tell":
                say(f"{os.fspath(image)}: {decision.reasons[0].text}.", style="magenta")
        say_promise(decisions[0], "strangers")


def verify(
    gallery: _Gallery,
    label: _Label,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture.")],
    fmr: Annotated[
        str,
        typer.Option(
            metavar="RATE",
            help="The share of impostors that may be accepted under this claim, 0.01 or 1%.",
        ),
    ] = "0.01",
    stranger_prior: _Prior = 0.5,
    as_json: AsJson = False,
) -> None:
    """Is it the one that it claims to be? Exit code 0 on a match, 1 on none.

    Example: `holotype verify desk.gallery "Ada" probe.png --fmr 0.01`
    """
    with holotype.open(gallery, create=False) as recognizer:
        decision = recognizer.verify(label, image, fmr=fmr, stranger_prior=stranger_prior)
    if as_json:
        print_json({"image": os.fspath(image), "claimed": label, **decision_document(decision)})
    else:
        print_table(
            ("image", "claimed", "answer", "similarity", "accepted from"),
            [
                (
                    os.fspath(image),
                    label,
                    ("match", "green") if decision.answer == "match" else ("no match", "yellow"),
                    _number(decision.similarity),
                    _number(decision.threshold),
                )
            ],
            numbers=("similarity", "accepted from"),
        )
        say_promise(decision, "impostors")
    if decision.answer != "match":
        raise typer.Exit(NO_MATCH)


def forget(gallery: _Gallery, label: _Label, as_json: AsJson = False) -> None:
    """Erase one identity with all its examples.

    Example: `holotype forget desk.gallery "Ada"`
    """
    with holotype.open(gallery, create=False) as recognizer:
        removed = recognizer.forget(label).examples
    if as_json:
        print_json({"label": label, "removed": removed})
    else:
        say(f"{label}: forgotten, {_examples(removed)} erased")


def list_labels(gallery: _Gallery, as_json: AsJson = False) -> None:
    """Show who is enrolled, with how many examples.

    Example: `holotype list desk.gallery`
    """
    with holotype.open(gallery, create=False) as recognizer:
        labels = recognizer.list()
    if as_json:
        print_json([{"label": label, "examples": count} for label, count in labels.items()])
    elif labels:
        print_table(
            ("label", "examples"),
            [(label, str(count)) for label, count in labels.items()],
            numbers=("examples",),
        )
    else:
        say("Nobody is enrolled.")


def say_promise(decision: Decision, who: str) -> None:
    """Say what a decision promises about strangers, or that it promises nothing."""
    if decision.promised:
        say(f"At most {percent(decision.rate)} of {who} are accepted.", style="dim")
    else:
        say(
            f"{percent(decision.rate)} cannot be promised: too few {who} were shown here, and the "
            "threshold is a default. Show more with `holotype calibrate`.",
            style="yellow",
        )


def decision_document(decision: Decision) -> dict[str, Any]:
    """A decision as `--json` shows it."""
    return {
        "id": decision.id,
        "answer": decision.answer,
        "label": decision.label,
        "similarity": decision.similarity,
        "threshold": decision.threshold,
        "margin": decision.margin,
        decision.rate_kind: decision.rate,
        "promised": decision.promised,
        **({} if decision.box is None else {"box": decision.box}),
        "probability": decision.probability,
        "familiarity": decision.familiarity,
        "reasons": [asdict(reason) for reason in decision.reasons],
        "candidates": [asdict(candidate) for candidate in decision.candidates],
    }


def _row(image: str, decision: Decision) -> tuple[Cell, ...]:
    style = _STYLES[decision.answer]
    others = [c for c in decision.candidates if c.label != decision.label]
    return (
        image,
        (decision.answer.replace("_", " "), style),
        (decision.label or "", style),
        _number(decision.similarity),
        _number(decision.threshold),
        f"{others[0].label} {_number(others[0].similarity)}" if others else "",
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _examples(count: int) -> str:
    return f"{count} example" + ("" if count == 1 else "s")
