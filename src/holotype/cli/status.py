"""The command that says how a gallery stands toward strangers."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import holotype
from holotype import recognizer as services
from holotype.cli.decisions import number, sources
from holotype.cli.default_pack import GalleryPlace, Moved
from holotype.cli.display import AsJson, percent, print_json, print_table, say
from holotype.gallery import gallery_model, name_of
from holotype.pages import check_ending, write
from holotype.records import KnownRate, Searched, Status


def status(
    gallery: GalleryPlace,
    model: Moved = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="Draw what strangers reach on a page as well."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which rates are guaranteed or estimated for strangers, by whom, and what is missing.

    Example: `holotype status desk.gallery --report status.html`
    """
    if report is not None:
        check_ending(report)
    with holotype.open(gallery, model, create=False) as recognizer:
        found = services.status(recognizer)
        reached = None if report is None else services.scores(recognizer)
    if report is not None and reached is not None:
        from holotype.report import status_page  # only who asks for a page waits for it

        write(report, status_page(found, reached, name_of(gallery)))
    _, name = gallery_model(gallery)
    if as_json:
        print_json({"model": name, **asdict(found)})
        return
    examples = f"{found.examples} example" + ("" if found.examples == 1 else "s")
    own = f", {found.own_classes} strangers of yours" if found.own_classes else ""
    say(f"{found.enrolled} enrolled with {examples}{own}; model {name}.")
    if report is not None:
        say(f"Written: {os.fspath(report)}")
    if not found.enrolled:
        say("Nobody is enrolled, so nobody is accepted.")
        return
    print_table(
        ("strangers accepted", "one gallery", "known", "by", "accepted from"),
        [
            (
                percent(row.rate),
                "" if row.band is None else " to ".join(map(percent, row.band)),
                row.known or "refused",
                _by(row, found),
                number(row.threshold),
            )
            for row in found.rates
        ],
        numbers=("strangers accepted", "accepted from"),
    )
    if any(row.band is not None for row in found.rates):
        say(
            "A rate is a mean over galleries; a tenth of those like this one accept less than the "
            "first number of *one gallery*, and a tenth more than the second. `--confidence 0.8` "
            "keeps a rate in four of five.",
            style="dim",
        )
    smallest = (
        "No rate is guaranteed"
        if found.guaranteed >= 1
        else (f"Guaranteed from {percent(found.guaranteed)}")
    )
    least = (
        "none is estimated"
        if found.estimated >= 1
        else (f"at least estimated from {percent(found.estimated)}")
    )
    say(f"{smallest}, {least}. Who states no rate gets {_usual(found.usual)}.")
    if wanted := _wanted(found):
        say(wanted)
    if found.index is not None:
        say(_index(found.index))
    if found.cohort_contradicted:
        say(
            "The enrolled are more alike to one another than anything that the model was tested "
            f"on. {_left(found)}",
            style="yellow",
        )
    if found.crowding is not None:
        first, second = found.crowding.labels
        say(
            f"{first} and {second} are so alike, {number(found.crowding.similarity)}, that they "
            f"turn nearly everybody away: accepted from {number(found.crowding.threshold)}, "
            f"without one of them from {number(found.crowding.without_one)}. Are they one?",
            style="yellow",
        )


def _index(index: Searched) -> str:
    """What the index misses."""
    if not index.asked:
        return f"Index {index.name}, {index.kind}: nobody could be looked for in it."
    return (
        f"Index {index.name}, {index.kind}: of {index.asked} enrolled who were looked for by what "
        f"is only just accepted it missed {index.missed}. So of pictures of the enrolled at most "
        f"{percent(index.at_most)} more are unknown. Strangers are let in no more often for that."
    )


def _by(row: KnownRate, found: Status) -> str:
    if row.source is None:
        return ""
    return "a constant" if row.source == "default" else sources(row.source, found)


def _usual(usual: KnownRate) -> str:
    if usual.known == "default":
        return "a default threshold, of which nothing is known here"
    return f"{percent(usual.rate)}, {usual.known}"


def _wanted(found: Status) -> str:
    """What would guarantee the smallest rate that people usually ask for."""
    if not found.missing_strangers:
        return ""
    rate = percent(found.target)
    own = f"{found.missing_strangers} {'more ' if found.own_classes else ''}strangers of yours"
    if found.missing_enrolled is None:
        return (
            f"{rate} would be guaranteed by {own} (`holotype calibrate`); by no number of "
            "enrolled, since some have several examples."
        )
    return (
        f"{rate} would be guaranteed by {found.missing_enrolled} more enrolled, or by {own} "
        "(`holotype calibrate`)."
    )


def _left(found: Status) -> str:
    if any(row.source == "cohort" for row in found.rates):
        return "Your strangers say how far what it was tested on has to be moved."
    return "So what it was tested on says nothing of them."
