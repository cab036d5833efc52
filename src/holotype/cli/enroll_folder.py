"""Filling a gallery from a folder of labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import holotype
from holotype import recognizer as services
from holotype.cli.default_pack import fitting_model
from holotype.cli.display import print_json, say
from holotype.cli.inputs import domain_in, labelled, say_passed_over
from holotype.cli.progress import bars
from holotype.errors import AnotherKindError, ImageError
from holotype.gallery import called, exists, gallery_model
from holotype.pack import load_pack
from holotype.recognizer import BARE, DEFAULT_MODEL
from holotype.records import Enrollments, LeftOut

_SHOWN_PAIRS = 20


def enroll_folder(
    gallery: str,
    folder: Path,
    *,
    model: str | None,
    consent: str | None,
    retain_until: date | None,
    tags: Sequence[str],
    keep_pictures: bool | None,
    asking: bool,
    anyway: bool,
    as_json: bool,
) -> None:
    """Enroll all of a folder, and say what was left out; see the command `enroll`.

    Raises:
        DataError: the folder has no pictures, or can be read in two ways.
        ImageError: pictures were left out, and all the others are stored.
    """
    there = exists(gallery)
    if not there and model is None:
        model = _usual_model(folder, asking, anyway)
    with (
        bars() as report,
        holotype.open(gallery, model, keep_pictures=bool(keep_pictures)) as recognizer,
    ):
        domain = recognizer.embedder.domain
        takes = domain.takes
        given = labelled(folder, domain)
        if there and keep_pictures not in (None, recognizer.gallery.keep_pictures):
            recognizer.gallery.set_keep_pictures(bool(keep_pictures))
        found = services.enroll_many(
            recognizer,
            zip(given.names, given.items, strict=True),
            consent=consent,
            retain_until=retain_until,
            tags=tags,
            anyway=anyway,
            progress=lambda done: report("enrolling", done, len(given.items)),
        )
    left_out = [
        *found.left_out,
        *(
            LeftOut(os.fspath(one), one.name, f"the folder has no {takes}s", "Put some into it")
            for one in given.empty
        ),
    ]
    say_passed_over(given.passed_over, as_json)
    if as_json:
        print_json({**asdict(found), "left_out": [asdict(one) for one in left_out]})
    else:
        if not there and exists(gallery):
            say(made(gallery), style="dim")
        _show(found, left_out, takes)
    if left_out:
        raise ImageError(
            f"{len(left_out)} of {found.pictures + len(given.empty)} were left out, and are named "
            "above; all the others are stored",
            "Replace them, and run the same command again",
        )


def made(gallery: str) -> str:
    """That a gallery is new, and what it takes."""
    model_id, model = gallery_model(gallery)
    if model == BARE:
        dim = model_id.removeprefix(f"{BARE}-")
        return f"{called(gallery)}: a new gallery, of bare vectors of {dim} numbers."
    assumed = load_pack(model).card.encoder.get("assumed", ["nothing"])
    return f"{called(gallery)}: a new gallery, bound to the model {model}." + (
        "" if assumed == ["nothing"] else f" Assumed of that model: {'; '.join(assumed)}."
    )


def _usual_model(folder: Path, asking: bool, anyway: bool) -> str | None:
    """As for a single enrollment, by the first picture that can be read."""
    domain = domain_in(folder)
    if anyway or domain.usual_pack != DEFAULT_MODEL:
        return domain.usual_pack
    for picture in labelled(folder, domain).items:
        try:
            return fitting_model([Path(picture)], asking)
        except AnotherKindError:
            raise
        except ImageError:
            continue
    return None


def _show(found: Enrollments, left_out: list[LeftOut], takes: str) -> None:
    for one in left_out:
        say(f"left out: {one.name} ({one.label}): {one.problem}. {one.remedy}.", "yellow")
    say_warnings(found)
    say(f"{found.added} of {found.pictures} {takes}s added, {added_to(found)}")


def say_warnings(found: Enrollments) -> None:
    """What is odd about those that are enrolled."""
    for noted in found.warnings:
        say(f"warning: {noted.name} ({noted.label}): {noted.reason.text}.", "yellow")
    for pair in found.alike[:_SHOWN_PAIRS]:
        say(
            f"warning: {pair.label} would be taken for {pair.other}, similarity "
            f"{pair.similarity:.2f}. Are they one?",
            "yellow",
        )
    if len(found.alike) > _SHOWN_PAIRS:
        say(f"... and {len(found.alike) - _SHOWN_PAIRS} more pairs (`--json` has all)", "yellow")


def added_to(found: Enrollments) -> str:
    """Of how many labels the added are, and how many were there before."""
    labels = f"{found.labels} label{'' if found.labels == 1 else 's'}"
    already = f"; {found.already} were stored already" if found.already else ""
    return f"of {labels}{already}"
