"""What may be asked of decisions, and how they are shown: as a document, a table, in sentences."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from holotype.cli.display import Cell, percent, print_table, say
from holotype.records import Basis, Candidate, Decision, Drift, Source, Status

_LONG_TEXT = 100  # characters
STYLES = {"match": "green", "unknown": "yellow", "cannot_tell": "magenta"}
Confidence = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE",
        help="Of galleries, such as 0.8: so many of those like this accept at most RATE. Unless it "
        "is stated, RATE is the mean over galleries.",
    ),
]
Prior = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="The share of strangers that you expect among the pictures, 0 to 1; only the "
        "probability depends on it.",
    ),
]


def named(item: Path | str) -> dict[str, str]:
    """What was asked about, as a document shows it: a file as an image, a text as itself."""
    return {"text" if isinstance(item, str) else "image": os.fspath(item)}


def briefly(item: Path | str) -> str:
    """What was asked about, as a table shows it: a file by its name, of a long text the start."""
    if isinstance(item, str) and len(item) > _LONG_TEXT:
        return f"{item[:_LONG_TEXT]}..."
    return os.fspath(item)


def print_answers(seen: Sequence[tuple[Path | str, Decision]], stranger_prior: float) -> None:
    """Print pictures with the decision on each, and what the columns mean."""
    columns = [*(named(seen[0][0]) if seen else ["image"]), "answer", "nearest", "closest other"]
    told = any(decision.probability is not None for _, decision in seen)
    if told:
        columns.append("probability")
    print_table(
        columns,
        [_row(briefly(image), decision)[: len(columns)] for image, decision in seen],
        numbers=("probability",),
    )
    for image, decision in seen:
        if decision.answer == "cannot_tell":
            say(f"{briefly(image)}: {decision.reasons[0].text}.", style="magenta")
    if told:
        say_probability(stranger_prior)
    if seen:
        (_, first), *_ = seen
        if first.threshold is not None:
            say(f"Accepted from a similarity of {number(first.threshold)}.", style="dim")
        if first.tag is not None and first.basis is not None:
            count = first.basis.enrolled
            say(
                f"Compared with the {count} alone {'who is' if count == 1 else 'who are'} tagged "
                f"{first.tag}; the threshold is that of so many.",
                style="dim",
            )
        say_basis(first, "strangers")


def say_basis(decision: Decision, who: str) -> None:
    """Say for whom the stated rate of a decision is known, and how well."""
    if decision.basis is None:
        return  # nobody is enrolled, so nobody is accepted
    rate, basis = percent(decision.rate), decision.basis
    if basis.known == "default":
        say(
            f"{rate} of {who}: not measured here. Too few strangers were shown, and the threshold "
            "is a default. Show more with `holotype calibrate`.",
            style="yellow",
        )
        return
    like = "for strangers like those" if who == "strangers" else "for impostors like those"
    if decision.confidence is not None:
        galleries = percent(decision.confidence)
        rate = f"In {galleries} of galleries like this at most {rate}"
    say(
        f"{rate} of {who} accepted: {basis.known}, by {sources(basis.source, basis)}. It holds "
        f"{like}; not for forgers, nor for pictures of another kind or source.",
        style="dim",
    )


def say_drift(found: Drift) -> None:
    """Warn where probes do not look like what the threshold was set from."""
    if found.direction is None:
        return
    means = {
        "more alike": "more strangers are let in than stated",
        "less alike": "fewer of the enrolled are recognized than could be",
    }[found.direction]
    say(
        f"warning: {found.probes} probes are {found.direction} to the enrolled than these are to "
        f"one another (p = {found.p_value:.2g}), so {means}. Show the place as it is now: "
        "`holotype calibrate GALLERY FOLDER --unlabeled`.",
        style="yellow",
    )


def say_probability(stranger_prior: float) -> None:
    """Say what the probability is that was shown."""
    say(
        "Probability: that the nearest is right, if "
        f"{percent(stranger_prior)} of the pictures show strangers (`--stranger-prior`).",
        style="dim",
    )


def sources(source: Source, basis: Basis | Status) -> str:
    """Whose pictures set a threshold."""
    own = f"{basis.own_classes} strangers of yours"
    cohort = f"{basis.cohort_classes} classes of {basis.data} that the model did not learn from"
    if source == "enrolled":
        return f"the {basis.enrolled} enrolled, who are strangers to one another"
    if source == "site":
        return own
    if source == "unlabeled":
        return "your unlabeled pictures"
    return f"{own} and {cohort}" if basis.own_classes else cohort


def say_of_one(decision: Decision, image: str, stranger_prior: float, who: str) -> None:
    """Say what lies behind the decision on a claim."""
    if decision.answer == "cannot_tell":
        say(f"{image}: {decision.reasons[0].text}.", style="magenta")
    if decision.probability is not None:
        say(
            f"Probability {percent(decision.probability)} that it is right to accept, if "
            f"{percent(stranger_prior)} are {who} (`--stranger-prior`).",
            style="dim",
        )
    say_basis(decision, who)


def decision_document(decision: Decision) -> dict[str, Any]:
    """A decision as `--json` shows it."""
    return {
        "id": decision.id,
        "answer": decision.answer,
        "quiet": decision.quiet,
        "label": decision.label,
        "similarity": decision.similarity,
        "threshold": decision.threshold,
        "margin": decision.margin,
        decision.rate_kind: decision.rate,
        "confidence": decision.confidence,
        "promised": decision.promised,  # the name of before; `basis` says which it is
        "basis": None if decision.basis is None else asdict(decision.basis),
        **({} if decision.tag is None else {"tag": decision.tag}),
        **({} if decision.box is None else {"box": decision.box}),
        "probability": decision.probability,
        "familiarity": decision.familiarity,
        "reasons": [asdict(reason) for reason in decision.reasons],
        "candidates": [asdict(candidate) for candidate in decision.candidates],
    }


def _row(image: str, decision: Decision) -> tuple[Cell, ...]:
    style = STYLES[decision.answer]
    best = decision.candidates[0] if decision.candidates else None
    return (
        image,
        (answer_words(decision), style),
        (_candidate(best), style if decision.label else ""),
        _candidate(decision.nearest_other),
        "" if decision.probability is None else percent(decision.probability),
    )


def answer_words(decision: Decision) -> str:
    """The answer as a table shows it; of somebody who is known and not announced, it says so."""
    return decision.answer.replace("_", " ") + (", quiet" if decision.quiet else "")


def _candidate(one: Candidate | None) -> str:
    return "" if one is None else f"{one.label} {number(one.similarity)}"


def unreadable_picture(decision: Decision) -> bool:
    """Whether nobody could look at the picture at all."""
    return any(reason.code == "unreadable" for reason in decision.reasons)


def number(value: float | None) -> str:
    """A similarity as a table shows it."""
    return "" if value is None else f"{value:.3f}"
