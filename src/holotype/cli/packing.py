"""The commands that make a pack of somebody's model, check packs, and send and fetch them."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holotype.cli.display import AsJson, percent, print_json, print_table, say
from holotype.cli.progress import bars

if TYPE_CHECKING:
    from holotype.packing.build import Built
    from holotype.packing.measured import Measured

_Numbers = Annotated[
    str | None,
    typer.Option(metavar="X[,Y,Z]", help="One value, or one for each channel.", show_default=False),
]


def build(
    onnx: Annotated[Path, typer.Option(metavar="MODEL", help="The model: pictures to vectors.")],
    background: Annotated[
        str, typer.Option(metavar="FOLDER", help="Pictures, one folder per class.")
    ],
    name: Annotated[str, typer.Option(help="Of the pack: lower-case letters, digits, . _ -")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PACK", help="The folder to make.", show_default="./NAME"),
    ] = None,
    kind: Annotated[
        str, typer.Option(metavar="photo|ink|frame", help="What the pictures are.")
    ] = "photo",
    size: Annotated[
        int | None,
        typer.Option(help="Side of the input in pixels.", show_default="as the model says"),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="1 grey, 3 RGB.", show_default="as the model says")
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(metavar="crop|pad|stretch", help="How it gets square.", show_default="crop"),
    ] = None,
    mean: _Numbers = None,
    std: _Numbers = None,
    license: Annotated[str, typer.Option(help="Of the model.")] = "not stated",
    seed: Annotated[int, typer.Option(help="How the classes are divided.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a pack of any ONNX embedder, and measure it on classes held out of a folder.

    The input of the model is (x - mean) / std with x in [0, 1]; where neither is stated, those of
    ImageNet for RGB, 0 and 1 for grey.

    Example: `holotype pack build --onnx model.onnx --background pictures --name mine`
    """
    from holotype.packing import build as building
    from holotype.packing.model_input import preprocessing_for

    with bars() as report:
        built = building.build_pack(
            onnx,
            background,
            Path(name) if out is None else out,
            name=name,
            preprocess=partial(
                preprocessing_for,
                kind=kind,
                size_px=size,
                channels=channels,
                fit=fit,
                mean=_numbers(mean, "--mean"),
                std=_numbers(std, "--std"),
            ),
            license=license,
            command=shlex.join(["holotype", *sys.argv[1:]]),
            seed=seed,
            progress=lambda what, done, total: report(what, done, total, ""),
        )
    _print_built(built, as_json)


def verify(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name or folder of the pack.")],
    as_json: AsJson = False,
) -> None:
    """Check all of a pack, and run its model once in a process with limits.

    Example: `holotype pack verify ./mine`
    """
    from holotype.packing.verify import verify_pack

    checked = verify_pack(pack)
    if as_json:
        print_json(
            {"path": os.fspath(checked.pack.path), "sha256": checked.digest, "checks": checked.done}
        )
        return
    for line in checked.done:
        say(f"ok: {line}")
    say(f"sha256 {checked.digest}")


def push(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name or folder of the pack.")],
    to: Annotated[str, typer.Argument(metavar="hf:OWNER/NAME", help="The repository.")],
    as_json: AsJson = False,
) -> None:
    """Send a pack to a model repository of the Hugging Face Hub.

    Example: `holotype pack push ./mine hf:owner/mine`
    """
    from holotype.packing.hub import push_pack

    sent = push_pack(pack, to)
    if as_json:
        print_json(
            {"repository": sent.repository, "revision": sent.revision, "sha256": sent.digest}
        )
        return
    say("Sent. Whoever wants exactly this pack asks for it with")
    print(sent.command)  # never wrapped: it is there to be copied


def pull(
    source: Annotated[
        str, typer.Argument(metavar="hf:OWNER/NAME[@REVISION]", help="The repository.")
    ],
    out: Annotated[Path, typer.Option(metavar="PACK", help="The folder to make.")],
    sha256: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="What the pack must be.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a pack from the Hugging Face Hub, and check it as `verify` does before it is kept.

    Example: `holotype pack pull hf:owner/mine --out mine`
    """
    from holotype.packing.hub import pull_pack

    fetched = pull_pack(source, out, sha256)
    if as_json:
        print_json({"path": os.fspath(out), "revision": fetched.revision, "sha256": fetched.digest})
        return
    say(f"The pack is in {os.fspath(out)}, from revision {fetched.revision}")
    say(f"sha256 {fetched.digest}" + ("" if sha256 else "; pass it as --sha256 to get just this"))


def _print_built(built: Built, as_json: bool) -> None:
    card, measured = built.pack.card, built.measured
    smallest = measured.smallest_rate
    if as_json:
        print_json(
            {
                "path": os.fspath(built.pack.path),
                "model_id": card.model_id,
                "preprocessing": card.preprocessing.to_json(),
                "classes": built.classes,
                "pictures": built.pictures,
                "scores": measured.scores,
                "promise": measured.promise,
                "smallest_fpir": smallest if smallest < 1 else None,
                "batch_difference": built.batch_difference,
                "seconds": round(built.seconds, 1),
                "written": [os.fspath(path) for path in built.written],
            }
        )
        return
    print_measured(measured)
    constants = ", ".join(f"{key} {value}" for key, value in card.preprocessing.to_json().items())
    say(f"Pictures are prepared by: {constants}")
    say(f"The pack is in {os.fspath(built.pack.path)}, the report in {built.written[0]}")


def print_measured(measured: Measured) -> None:
    """What a pack is worth on classes that it has not seen."""
    from holotype import report

    proof, smallest = measured.proof, measured.smallest_rate
    print_table(
        ("task", "accuracy, %"),
        [
            (f"{s['n_way']}-way {s['k_shot']}-shot", f"{s['accuracy']:.2f} +- {s['ci95']:.2f}")
            for s in measured.scores
        ],
        title=f"{proof.model} on {len(proof.dataset.class_names)} classes held out",
    )
    rows = report.table(proof)
    if rows:
        title = "Strangers: stated and measured"
        print_table(report.HEADINGS, rows, numbers=report.HEADINGS[:-1], title=title)
    for remark in report.summary(proof):
        say(remark.text)
        say("")
    say(
        "The smallest rate that its cohort can estimate for a gallery like this is "
        f"{percent(smallest)}."
        if smallest < 1
        else "Its cohort is too small to estimate any rate. Add classes to the folder, or "
        "strangers of your own with `holotype calibrate`."
    )


def _numbers(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(value) for value in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a number or three with commas", param_hint=option
        ) from None
