"""Adding examples: of one identity, of a folder of labels, or of a table."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import holotype
from holotype.cli.default_pack import GalleryPlace, fitting_model
from holotype.cli.display import AsJson, can_ask, confirmed, counted, print_json, say
from holotype.cli.enroll_folder import enroll_folder, made
from holotype.cli.enroll_manifest import enroll_manifest
from holotype.cli.inputs import Item, Texts, embeddings, typed
from holotype.cli.manifest_rows import OnRay
from holotype.domains.registry import typed as typed_domain
from holotype.errors import AlikeError
from holotype.gallery import exists
from holotype.recognizer import DEFAULT_MODEL


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
    text: Texts = None,
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
    ray: OnRay = None,
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
    if manifest is None and (rejected or ray):
        raise typer.BadParameter("--rejected and --ray go with --manifest")
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
            ray=ray,
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
            f"{enrollment.label}: {counted(enrollment.added, 'example')} added, "
            f"{counted(enrollment.examples, 'example')} now"
        )
        for warning in enrollment.warnings:
            say(f"warning: {warning.text}.", style="yellow")
        for other in enrollment.lookalikes:
            say(
                f"warning: {enrollment.label} would be taken for {other.label}, similarity "
                f"{other.similarity:.2f}. Are they one?",
                style="yellow",
            )
