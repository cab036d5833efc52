"""Is it the one that it claims to be, and do two show the same: 1:1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import holotype
from holotype.cli.decisions import (
    STYLES,
    Confidence,
    Prior,
    answer_words,
    briefly,
    decision_document,
    named,
    number,
    say_of_one,
)
from holotype.cli.default_pack import GalleryPlace, Moved
from holotype.cli.display import AsJson, print_json, print_table
from holotype.cli.failures import NO_MATCH
from holotype.cli.inputs import Item, Texts, embeddings, typed
from holotype.domains.registry import domain_of, owner
from holotype.domains.registry import typed as typed_domain
from holotype.errors import VectorError
from holotype.pack import load_pack
from holotype.recognizer import DEFAULT_MODEL, pair


def same(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FIRST SECOND", help="Two pictures, recordings or texts."),
    ] = None,
    text: Texts = None,
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
    stranger_prior: Prior = 0.5,
    as_json: AsJson = False,
) -> None:
    """Do two pictures or recordings show the same? Exit code 0 if so, 1 if not; none is enrolled.

    Of two texts: do they mean the same? Of a picture and a text: does it show that?

    Example: `holotype same one.png other.png --fmr 0.01`

    Example: `holotype same --text "cancel my order" --text "I want my money back"`

    Example: `holotype same seen.jpg --text "a striped horse" --model ./mine`
    """
    items: list[Item] = [*(text or ()), *(files or ())]
    if len(items) != 2:
        raise typer.BadParameter("Give two of FIRST, SECOND and --text")
    first, second = items
    if text and files and not _is_of_texts(files[0], model):
        first, second = files[0], text[0]
        decision = pair.same(
            first, model=model, description=second, fmr=fmr, stranger_prior=stranger_prior
        )
    else:
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
                    briefly(first),
                    briefly(second),
                    (answer[decision.answer], STYLES[decision.answer]),
                    number(decision.similarity),
                    number(decision.threshold),
                )
            ],
            numbers=("similarity", "accepted from"),
        )
        say_of_one(decision, briefly(second), stranger_prior, "different pairs")
    if decision.answer != "match":
        raise typer.Exit(NO_MATCH)


def _is_of_texts(file: Path, model: str | None) -> bool:
    """Whether a file beside a text is compared as a text too; else it is a picture of it."""
    found = owner(file) if model is None else domain_of(load_pack(model).card.preprocessing)
    return found is not None and found.typed


def verify(
    gallery: GalleryPlace,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The name of the identity.")],
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
    confidence: Confidence = None,
    stranger_prior: Prior = 0.5,
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
                    briefly(item),
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
        say_of_one(decision, briefly(item), stranger_prior, "impostors")
    if decision.answer != "match":
        raise typer.Exit(NO_MATCH)
