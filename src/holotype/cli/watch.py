"""The command that identifies pictures as they come."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import holotype
from holotype.cli.decisions import STYLES, Confidence, decision_document, say_basis
from holotype.cli.default_pack import Moved
from holotype.cli.display import say
from holotype.watching.events import Back, Dropped, Ended, Event, Lost, Seen, Warned

if TYPE_CHECKING:
    from holotype.recognizer import Recognizer


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder, a video file, the number of a camera (0: first), or rtsp://...; of a "
            "gallery that hears, a recording, or - for raw samples: 16 bits, 16 kHz, one channel.",
        ),
    ],
    gallery: Annotated[
        str,
        typer.Option(
            metavar="GALLERY", help="The file of the gallery, or the URL of its database."
        ),
    ],
    fpir: Annotated[
        str,
        typer.Option(metavar="RATE", help="The share of strangers that may be accepted."),
    ] = "0.01",
    confidence: Confidence = None,
    ordinary: Annotated[
        Path | None,
        typer.Option(
            metavar="RECORDING", help="Of sound: hours of the place, without who is enrolled."
        ),
    ] = None,
    an_hour: Annotated[
        float | None,
        typer.Option(
            "--false-alarms-an-hour", metavar="NUMBER", help="Of sound: how many may be expected."
        ),
    ] = None,
    keep_unknown: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep a picture of each unknown there; else none is kept."
        ),
    ] = None,
    model: Moved = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document for each event, one a line.")
    ] = False,
) -> None:
    """Identify what comes, until the video ends or Ctrl-C.

    Example: `holotype watch 0 --gallery door.gallery`

    Example: `holotype watch - --gallery commands.gallery --ordinary kitchen.wav
    --false-alarms-an-hour 1`
    """
    from holotype.watching.watch import watch  # on demand, since it brings onnxruntime

    with holotype.open(gallery, model, create=False) as recognizer:
        hears = recognizer.embedder.domain.piece_s is not None
        if hears or ordinary is not None or an_hour is not None:
            if confidence is not None:
                raise typer.BadParameter(
                    "of sound, false alarms an hour are stated", param_hint="--confidence"
                )
            _listen(recognizer, source, ordinary, an_hour, keep_unknown, as_json)
            return
        told = False
        for event in watch(
            recognizer, source, fpir=fpir, confidence=confidence, keep_unknown=keep_unknown
        ):
            if as_json:
                print(json.dumps(_document(event), allow_nan=False), flush=True)
                continue
            _tell(event)
            if isinstance(event, Seen) and not told:
                told = True
                say_basis(event.decision, "strangers")


def _listen(
    recognizer: Recognizer,
    source: str,
    ordinary: Path | None,
    an_hour: float | None,
    keep_unknown: Path | None,
    as_json: bool,
) -> None:
    from holotype.watching import listen

    if ordinary is None or an_hour is None:
        raise typer.BadParameter(
            "sound is watched at so many false alarms an hour, estimated from a recording of the "
            "place in which nobody enrolled is heard; give both",
            param_hint="--ordinary, --false-alarms-an-hour",
        )
    if keep_unknown is not None:
        raise typer.BadParameter("of sound nothing is kept", param_hint="--keep-unknown")
    if source.isdecimal():
        raise typer.BadParameter(
            f"microphone {source} is not opened here; let a program that records write to the "
            "standard input: `arecord -q -t raw -f S16_LE -r 16000 -c 1 | holotype watch - ...`",
            param_hint="SOURCE",
        )
    known = listen.ordinary(recognizer, ordinary)
    if not as_json:
        say(known.in_words(an_hour))
    for event in listen.listen(recognizer, source, known, an_hour):
        if as_json:
            print(json.dumps(_document(event), allow_nan=False), flush=True)
        else:
            _tell(event, "pieces")


def _tell(event: Event, looked_at: str = "pictures") -> None:
    match event:
        case Seen(decision=decision) if decision.quiet:
            pass  # known, and not to be announced
        case Seen(picture, seconds, track, decision, kept):
            answer = decision.answer.replace("_", " ")
            what = [f"{seconds:8.1f} s  {picture}  #{track}  {answer}"]
            if decision.label is not None:
                what.append(decision.label)
            what.append(decision.reasons[0].text)
            if kept is not None:
                what.append(f"kept as {kept}")
            say("  ".join(what), style=STYLES[decision.answer])
        case Dropped(pictures):
            say(f"{pictures} pictures dropped: they come faster than they are identified", "dim")
        case Warned(_, text):
            say(f"warning: {text}", style="yellow")
        case Lost(text):
            say(f"{text}; it is opened again until it is back", style="yellow")
        case Back(seconds):
            say(f"back after {seconds:g} s", style="dim")
        case Ended(pictures, dropped):
            say(f"The end, after {pictures} {looked_at}; {dropped} were dropped.", style="dim")


def _document(event: Event) -> dict[str, Any]:
    facts = {one.name: getattr(event, one.name) for one in fields(event)}
    document = {"event": type(event).__name__.lower(), **facts}
    if isinstance(event, Seen):
        del document["decision"], document["best"], document["vector"]
        document |= decision_document(event.decision)
    return document
