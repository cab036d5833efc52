"""The commands that recognize: one Recognizer call each."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer
from numpy.typing import NDArray

import holotype
from holotype import recognizer as services
from holotype.cli.decisions import (
    STYLES,
    answer_words,
    decision_document,
    named,
    number,
    print_answers,
    say_drift,
    say_of_one,
    unreadable_picture,
)
from holotype.cli.default_pack import GalleryPlace, Moved, fitting_model
from holotype.cli.display import (
    AsJson,
    can_ask,
    confirmed,
    print_json,
    print_table,
    say,
)
from holotype.cli.enroll_folder import enroll_folder, made
from holotype.cli.enroll_manifest import enroll_manifest
from holotype.cli.failures import NO_MATCH
from holotype.cli.identify_manifest import identify_manifest
from holotype.cli.inputs import (
    Chosen,
    Item,
    chosen,
    embeddings,
    rows_of,
    say_passed_over,
    typed,
)
from holotype.domains.registry import typed as typed_domain
from holotype.errors import AlikeError, GalleryError, ImageError, VectorError
from holotype.gallery import existing, exists, gallery_model, name_of
from holotype.image.prepare import ImageSource
from holotype.pages import check_ending
from holotype.recognizer import DEFAULT_MODEL, pair
from holotype.records import Decision

_Label = Annotated[str, typer.Argument(metavar="LABEL", help="The name of the identity.")]
_Images = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="IMAGE", help="Pictures, recordings or files of texts, or folders of them."
    ),
]
_Texts = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="In place of a file: a text; repeatable."),
]
_Confidence = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE",
        help="Of galleries, such as 0.8: so many of those like this accept at most RATE. Unless it "
        "is stated, RATE is the mean over galleries.",
    ),
]
_Prior = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="The share of strangers that you expect among the pictures, 0 to 1; only the "
        "probability depends on it.",
    ),
]


def enroll(
    gallery: GalleryPlace,
    label: Annotated[
        str | None, typer.Argument(metavar="LABEL", help="The name of the identity.")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Pictures or recordings, one example each; or files of texts, one a line.",
        ),
    ] = None,
    text: _Texts = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="In place of LABEL and IMAGE: many labels at once, from a folder with one folder "
            "for each label, or files such as LABEL.jpg. What is stored is not stored again.",
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="In place of LABEL and IMAGE: a table in CSV, JSON lines or Parquet, a row for "
            "each example, with `label`, and `path`, `vector` or `bytes`; `tags`, `consent` and "
            "`retain_until` if you like. Interrupted, the same command goes on.",
        ),
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the rows of the manifest that cannot be enrolled are written, with the "
            "reasons; if nothing is said, FILE.rejected.csv beside it.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of the model pack, or hf:OWNER/NAME[@REVISION]. An existing "
            f"gallery knows its own; a new one is made with `{DEFAULT_MODEL}` unless another is "
            "named, with `voices` where the first file is a recording, and with `texts` for texts.",
        ),
    ] = None,
    consent: Annotated[str | None, typer.Option(help="A note on the permission to enroll.")] = None,
    retain_until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day to keep it; see `holotype expire`."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="A word by which `identify --tag` finds it; repeatable."),
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
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Enroll also what the model is plainly not made for."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add examples of one identity; the first one makes the gallery.

    On a terminal it asks before it enrolls somebody who would be taken for another, and which pack
    to make the gallery with, where the first picture is plainly none for the usual one.

    With `--folder` or `--manifest` it asks nothing more: what cannot be used is left out and named,
    and it ends with exit code 3 where there is such.

    Example: `holotype enroll desk.gallery "Ada" ada.png`

    Example: `holotype enroll desk.gallery --folder people`

    Example: `holotype enroll desk.gallery --manifest people.csv`

    Example: `holotype enroll intents.gallery cancel --text "please cancel my order"`

    Where the model of pictures has a text side, a text says what a picture would show.

    Example: `holotype enroll zoo.gallery zebra --text "a striped horse" --model clip`
    """
    if rejected is not None and manifest is None:
        raise typer.BadParameter("--rejected goes with --manifest")
    if folder is not None and manifest is not None:
        raise typer.BadParameter("Give --folder or --manifest")
    if (folder or manifest) and (label is not None or strict or text):
        raise typer.BadParameter(
            "--folder and --manifest go without LABEL, IMAGE, --text and --strict"
        )
    if manifest is not None:
        if consent or retain_until or tag:
            raise typer.BadParameter(
                "With --manifest, consent, retain_until and tags are columns of it"
            )
        enroll_manifest(
            gallery,
            manifest,
            rejected=rejected,
            model=model,
            keep_pictures=keep_pictures,
            asking=can_ask() and not (yes or as_json),
            anyway=anyway,
            as_json=as_json,
        )
        return
    if folder is not None:
        enroll_folder(
            gallery,
            folder,
            model=model,
            consent=consent,
            retain_until=retain_until.date() if retain_until else None,
            tags=tag or (),
            keep_pictures=keep_pictures,
            asking=can_ask() and not (yes or as_json),
            anyway=anyway,
            as_json=as_json,
        )
        return
    if label is None:
        raise typer.BadParameter("Give LABEL and IMAGE or --text, or --folder or --manifest")
    there = exists(gallery)
    asking = can_ask() and not (yes or as_json)
    vectors = embeddings(images or ())
    dim = None if vectors is None or there else vectors.shape[1]
    if not there and model is None and text:
        model = typed_domain().usual_pack
    elif not there and model is None and images and vectors is None and not anyway:
        model = fitting_model(images[:1], asking)
    with holotype.open(gallery, model, dim=dim, keep_pictures=bool(keep_pictures)) as recognizer:
        if there and keep_pictures not in (None, recognizer.gallery.keep_pictures):
            recognizer.gallery.set_keep_pictures(bool(keep_pictures))
        examples, descriptions = list[Item](), list[str]()
        if vectors is None:
            domain = recognizer.embedder.domain
            descriptions = [] if domain.typed else text or []
            examples = typed(text if domain.typed else None, domain) + [
                one for path in images or () for one in domain.held(path)
            ]
        add = partial(
            recognizer.enroll,
            label,
            *examples,
            vectors=vectors,
            descriptions=descriptions,
            consent=consent,
            retain_until=retain_until.date() if retain_until else None,
            tags=tag or (),
            anyway=anyway,
        )
        try:
            enrollment = add(strict=strict or asking)
        except AlikeError as error:
            if strict or not asking or not confirmed(f"{error.problem}. Enroll all the same?"):
                raise
            enrollment = add()
    if as_json:
        print_json(asdict(enrollment))
    else:
        if not there:
            say(made(gallery), style="dim")
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
    gallery: GalleryPlace,
    images: _Images = None,
    text: _Texts = None,
    fpir: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="The share of strangers that may be accepted, 0.01 or 1%. Unless it is stated: "
            "1 %, or the smallest share that anything is known of.",
        ),
    ] = None,
    confidence: _Confidence = None,
    stranger_prior: _Prior = 0.5,
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
    if manifest is None and (answers or rejected):
        raise typer.BadParameter("--answers and --rejected go with --manifest")
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
    from holotype.report import write_identified  # only who asks for a page waits for it

    images: list[ImageSource] = [image for image, _ in seen]
    decisions = [decision for _, decision in seen]
    write_identified(recognizer, images, decisions, page, gallery=gallery)


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


def same(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FIRST SECOND", help="Two pictures, recordings or texts."),
    ] = None,
    text: _Texts = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"Name or folder of the model pack; unless it is named, `{DEFAULT_MODEL}`, "
            "`voices` for recordings, and `texts` for texts.",
        ),
    ] = None,
    fmr: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="The share of pairs of different ones that may be taken for the same.",
        ),
    ] = None,
    stranger_prior: _Prior = 0.5,
    as_json: AsJson = False,
) -> None:
    """Do two pictures or recordings show the same? Exit code 0 if so, 1 if not; none is enrolled.

    Of two texts: do they mean the same?

    Example: `holotype same one.png other.png --fmr 0.01`

    Example: `holotype same --text "cancel my order" --text "I want my money back"`
    """
    items: list[Item] = [*(text or ()), *(files or ())]
    if len(items) != 2:
        raise typer.BadParameter("Give two of FIRST, SECOND and --text")
    first, second = items
    model = typed_domain().usual_pack if model is None and text else model
    decision = pair.same(first, second, model, fmr=fmr, stranger_prior=stranger_prior)
    if as_json:
        document = decision_document(decision)
        for name in ("id", "label", "quiet", "margin", "candidates"):  # of a gallery
            del document[name]
        print_json({"first": os.fspath(first), "second": os.fspath(second), **document})
    else:
        answer = {"match": "the same", "unknown": "not the same", "cannot_tell": "cannot tell"}
        print_table(
            ("first", "second", "answer", "similarity", "accepted from"),
            [
                (
                    os.fspath(first),
                    os.fspath(second),
                    (answer[decision.answer], STYLES[decision.answer]),
                    number(decision.similarity),
                    number(decision.threshold),
                )
            ],
            numbers=("similarity", "accepted from"),
        )
        say_of_one(decision, os.fspath(second), stranger_prior, "different pairs")
    if decision.answer != "match":
        raise typer.Exit(NO_MATCH)


def verify(
    gallery: GalleryPlace,
    label: _Label,
    image: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGE", help="The picture, recording or file of one text."),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="In place of a file: a text.")
    ] = None,
    fmr: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="The share of impostors that may be accepted under this claim, 0.01 or 1%; "
            "unless it is stated, as for `identify`.",
        ),
    ] = None,
    confidence: _Confidence = None,
    stranger_prior: _Prior = 0.5,
    model: Moved = None,
    as_json: AsJson = False,
) -> None:
    """Is it the one that it claims to be? Exit code 0 on a match, 1 on none.

    Example: `holotype verify desk.gallery "Ada" probe.png --fmr 0.01`
    """
    if (image is None) == (text is None):
        raise typer.BadParameter("Give one of IMAGE and --text")
    item = image if text is None else text
    assert item is not None
    vectors = embeddings([image]) if image is not None else None
    if vectors is not None and len(vectors) != 1:
        raise VectorError(f"{os.fspath(item)!r} holds {len(vectors)} embeddings", "Give one")
    with holotype.open(gallery, model, create=False) as recognizer:
        if text is not None:
            typed([text], recognizer.embedder.domain)
        decision = recognizer.verify(
            label,
            None if vectors is not None else item,
            fmr,
            vectors=None if vectors is None else vectors[0],
            stranger_prior=stranger_prior,
            confidence=confidence,
        )
    if as_json:
        print_json({**named(item), "claimed": label, **decision_document(decision)})
    else:
        print_table(
            (*named(item), "claimed", "answer", "similarity", "accepted from"),
            [
                (
                    os.fspath(item),
                    label,
                    (answer_words(decision), "green")
                    if decision.answer == "match"
                    else ("no match", "yellow"),
                    number(decision.similarity),
                    number(decision.threshold),
                )
            ],
            numbers=("similarity", "accepted from"),
        )
        say_of_one(decision, os.fspath(item), stranger_prior, "impostors")
    if decision.answer != "match":
        raise typer.Exit(NO_MATCH)


def forget(
    gallery: GalleryPlace,
    label: Annotated[
        str | None, typer.Argument(metavar="[LABEL]", help="The name of the identity.")
    ] = None,
    example: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Erase one example alone; `holotype show` has the ids."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be erased, and erase nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase one identity with all its examples, or one example. No undo brings it back.

    Example: `holotype forget desk.gallery "Ada"`
    """
    if (label is None) == (example is None):
        raise typer.BadParameter("Give one of LABEL and --example")
    with existing(gallery) as kept:  # the model need not be there
        found = kept.examples(label)
        if example is not None:
            found = tuple(one for one in found if one.id == example)
        name = label or next((one.label for one in found), None)
        removed = 0
        if example is not None and not found:
            raise GalleryError(
                f"there is no example {example} in {os.fspath(gallery)!r}",
                "Look at the examples with `holotype show`",
            )
        if example is not None and not dry_run:
            removed = kept.remove_example(example).examples
        elif label is not None and not dry_run:
            removed = kept.remove(label).examples
    if as_json:
        print_json({"label": name, "removed": removed})
    elif dry_run:
        pictures = sum(one.picture for one in found)
        say(
            f"{name}: {_examples(len(found))} would be erased, {pictures} with a picture. No undo "
            "brings them back. Nothing was changed."
        )
    elif example is not None:
        say(f"example {example} of {name} erased")
    else:
        say(f"{label}: forgotten, {_examples(removed)} erased")


def list_labels(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Show who is enrolled: how many examples, which consent, kept until when; and the model.

    Example: `holotype list desk.gallery`
    """
    with existing(gallery) as kept:
        model_id, model = gallery_model(gallery)
        identities = kept.records()
    if as_json:
        print_json(
            {
                "model": model,
                "model_id": model_id,
                "identities": [
                    {
                        "label": one.label,
                        "examples": one.examples,
                        "pictures": one.pictures,
                        "consent": one.consent,
                        "retain_until": one.retain_until,
                        "tags": one.tags,
                        "quiet": one.quiet,
                    }
                    for one in identities
                ],
            }
        )
        return
    if identities:
        print_table(
            ("label", "examples", "consent", "kept until"),
            [
                (
                    one.label,
                    str(one.examples),
                    one.consent or "none noted",
                    "no end" if one.retain_until is None else one.retain_until.isoformat(),
                )
                for one in identities
            ],
            numbers=("examples",),
        )
    else:
        say("Nobody is enrolled.")
    say(f"Model {model}, id {model_id}.", style="dim")


def _examples(count: int) -> str:
    return f"{count} example" + ("" if count == 1 else "s")
