"""Who is it, or is it nobody: 1:N."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer
from numpy.typing import NDArray

import holotype
from holotype import recognizer as services
from holotype.cli.decisions import (
    Confidence,
    Prior,
    decision_document,
    named,
    print_answers,
    say_drift,
    unreadable_picture,
)
from holotype.cli.default_pack import GalleryPlace, Moved
from holotype.cli.display import AsJson, print_json, say
from holotype.cli.identify_manifest import identify_manifest
from holotype.cli.inputs import Chosen, Item, Texts, chosen, embeddings, rows_of, say_passed_over
from holotype.cli.manifest_rows import OnRay
from holotype.errors import ImageError, VectorError
from holotype.gallery import name_of
from holotype.image.prepare import ImageSource
from holotype.pages import check_ending, write
from holotype.records import Decision


def identify(
    gallery: GalleryPlace,
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE", help="Pictures, recordings or files of texts, or folders of them."
        ),
    ] = None,
    text: Texts = None,
    fpir: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="The share of strangers that may be accepted, 0.01 or 1%. Unless it is stated: "
            "1 %, or the smallest share that anything is known of.",
        ),
    ] = None,
    confidence: Confidence = None,
    stranger_prior: Prior = 0.5,
    all_faces: Annotated[
        bool, typer.Option("--all-faces", help="Identify each face of a picture, not just one.")
    ] = False,
    tag: Annotated[
        str | None,
        typer.Option(
            metavar="TAG",
            help="Compare with those alone who have this tag, as if nobody else were enrolled.",
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="In place of IMAGE: a table in CSV, JSON lines or Parquet, a row for each, with "
            "`path`, `vector` or `bytes`. Interrupted, the same command goes on.",
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the answers to the manifest are written, a .csv or .parquet that is not "
            "there yet; if nothing is said, FILE.answers.csv beside it.",
        ),
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the rows that cannot be read are written, with the reasons; if nothing is "
            "said, FILE.rejected.csv beside the manifest.",
        ),
    ] = None,
    ray: OnRay = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE",
            help="Write the answers with their pictures as one page as well, such as out.html.",
        ),
    ] = None,
    model: Moved = None,
    as_json: AsJson = False,
) -> None:
    """Who is it, or is it nobody? Exit code 0 whatever the answer, 3 if one cannot be read.

    Several pictures, or a folder of them, are answered each, also beside one that cannot be read.

    With `--report` they are shown on a page, beside the pictures that the gallery keeps.

    With `--manifest` the answers go into a table; rows that cannot be read are left out and named,
    and it ends with exit code 3 where there are such.

    Example: `holotype identify desk.gallery probe.png --fpir 0.01`

    Example: `holotype identify desk.gallery --manifest probes.csv --answers out.parquet`

    Example: `holotype identify intents.gallery --text "I do not want it any more"`
    """
    if manifest is None and (answers or rejected or ray):
        raise typer.BadParameter("--answers, --rejected and --ray go with --manifest")
    if manifest is not None:
        if images or text or all_faces or report:
            raise typer.BadParameter(
                "--manifest goes without IMAGE, --text, --all-faces and --report"
            )
        identify_manifest(
            gallery,
            manifest,
            answers=answers,
            rejected=rejected,
            model=model,
            ray=ray,
            as_json=as_json,
            fpir=fpir,
            confidence=confidence,
            stranger_prior=stranger_prior,
            tag=tag,
        )
        return
    if not images and not text:
        raise typer.BadParameter("Give IMAGE or --text, or --manifest")
    images = images or []
    vectors = embeddings(images)
    if report is not None:
        check_ending(report)
        if vectors is not None:
            raise VectorError(
                "a report shows pictures, and these are embeddings",
                "Give pictures, or leave --report away",
            )
    with holotype.open(gallery, model, create=False) as recognizer:
        takes = "vector" if vectors is not None else recognizer.embedder.domain.takes
        found = (
            chosen(images, recognizer.embedder.domain, text)
            if vectors is None
            else Chosen(rows_of(images))
        )
        if report is not None and takes != "picture":
            raise ImageError(
                f"a report shows pictures, and this gallery takes {takes}s", "Leave --report away"
            )
        identified = partial(
            _identified,
            recognizer,
            all_faces,
            fpir=fpir,
            confidence=confidence,
            stranger_prior=stranger_prior,
            tag=tag,
        )
        # Of one picture alone nothing would be left to say but that it cannot be read.
        alone = len(found.items) == 1 and not any(path.is_dir() for path in images)
        seen = identified(found.items, vectors, required=alone)
        if report is not None:
            _write_report(recognizer, seen, report, name_of(gallery))
        drifted = services.drift(recognizer)
    say_passed_over(found.passed_over, as_json)
    if as_json:
        print_json([{**named(item), **decision_document(decision)} for item, decision in seen])
    else:
        print_answers(seen, stranger_prior)
        say_drift(drifted)
        if report is not None:
            say(f"Written: {os.fspath(report)}")
    unreadable = sum(unreadable_picture(decision) for _, decision in seen)
    if unreadable:
        raise ImageError(
            f"{unreadable} of {len(found.items)} {takes}s cannot be read or hold nothing",
            "The reasons are given with the answers",
        )


def _write_report(
    recognizer: holotype.Recognizer, seen: list[tuple[Item, Decision]], page: Path, gallery: str
) -> None:
    from holotype.report import answers_page  # only who asks for a page waits for it

    images: list[ImageSource] = [image for image, _ in seen]
    decisions = [decision for _, decision in seen]
    write(page, answers_page(recognizer, images, decisions, gallery))


def _identified(
    recognizer: holotype.Recognizer,
    all_faces: bool,
    images: list[Item],
    vectors: NDArray[np.floating] | None,
    *,
    required: bool,
    **asked: Any,
) -> list[tuple[Item, Decision]]:
    """The pictures with the decision on each, or on each of its faces."""
    if vectors is not None:
        answers = recognizer.identify(vectors=vectors, **asked)
        return list(zip(images, cast(list[Decision], answers), strict=True))
    if not all_faces:
        shown: list[ImageSource] = [*images]
        decisions = (
            [recognizer.identify(shown[0], **asked)]
            if required
            else recognizer.identify(shown, **asked)
        )
        return list(zip(images, decisions, strict=True))
    seen: list[tuple[Item, Decision]] = []
    for image in images:
        try:
            everybody = recognizer.identify_all(image, **asked)
            decisions = [sighting.decision for sighting in everybody]
        except ImageError:
            if required:
                raise
            decisions = recognizer.identify([image], **asked)
        seen += [(image, decision) for decision in decisions]
    return seen
