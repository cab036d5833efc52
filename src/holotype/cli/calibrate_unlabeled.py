"""Unlabeled pictures from the place of use, on the command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import holotype
from holotype import recognizer as services
from holotype.cli.display import confirmed, percent, print_json, print_table, say
from holotype.cli.inputs import chosen, say_passed_over
from holotype.records import UnlabeledCalibration


def calibrate_unlabeled(
    gallery: str,
    folder: Path,
    *,
    model: str | None,
    skip_unusable: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what unlabeled pictures change, and store them where that is accepted."""

    def accept(change: UnlabeledCalibration) -> bool:
        if not as_json:
            _show(change)
        return not dry_run and (yes or confirmed("Accept?"))

    with holotype.open(gallery, model, create=False) as recognizer:
        found = chosen([folder], recognizer.embedder.domain)
        say_passed_over(found.passed_over, as_json)
        change = services.calibrate_unlabeled(
            recognizer, found.items, skip_unusable=skip_unusable, accept=accept
        )
    if as_json:
        print_json(asdict(change))
    elif change.batch:
        say(f"Stored as batch {change.batch}.")
    else:
        say("Nothing was stored.")


def _show(change: UnlabeledCalibration) -> None:
    for one in change.unusable:
        say(f"cannot be used: {one.name}: {one.problem}", "yellow")
    if change.strangers is None:
        say("Fewer than 3 are enrolled: the pictures count from the third on.", "yellow")
    else:
        say(
            f"{change.pictures_in_all} unlabeled pictures of about {change.visitors} visitors, "
            f"some {percent(change.strangers)} of whom are not enrolled."
        )
    if change.another_kind:
        say(
            "They are of another kind than what is enrolled, so they alone say how alike strangers "
            "are here.",
            "yellow",
        )

    def level(value: float | None) -> str:
        return "refused" if value is None else f"{value:.3f}"

    print_table(
        ("stated", "accepted from", "then from", "matched", "then matched", "then"),
        [
            (
                percent(row.rate),
                level(row.before),
                level(row.after),
                "" if row.accepted_before is None else str(row.accepted_before),
                "" if row.accepted_after is None else str(row.accepted_after),
                row.known or "",
            )
            for row in change.rates
        ],
        numbers=("accepted from", "then from", "matched", "then matched"),
    )
    first, then = (
        "none" if rate >= 1 else percent(rate)
        for rate in (change.smallest_before, change.smallest_after)
    )
    say(f"Smallest rate that is at least estimated: {first} before, {then} then.")
