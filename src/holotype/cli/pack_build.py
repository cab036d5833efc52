"""The commands that make a pack of somebody's model, check packs, and send and fetch them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holotype.cli.display import AsJson, command_line, percent, print_json, print_table, say
from holotype.cli.inputs import say_passed_over_in
from holotype.cli.progress import bars

if TYPE_CHECKING:
    from holotype.packing.adapt import Adapted
    from holotype.packing.build import Built
    from holotype.packing.describe import Described
    from holotype.packing.measured import Measured

_Pack = Annotated[str, typer.Argument(metavar="PACK", help="Name or folder of the pack.")]
_Name = Annotated[str, typer.Option(help="Of the new pack: lower-case letters, digits, . _ -")]
_Out = Annotated[
    Path | None, typer.Option(metavar="PACK", help="The folder to make.", show_default="./NAME")
]
_Seed = Annotated[int, typer.Option(help="How the classes are divided.")]
_Numbers = Annotated[
    str | None,
    typer.Option(metavar="X[,Y,Z]", help="One value, or one for each channel.", show_default=False),
]


def build(
    name: _Name,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Its file; with --from, in the repository."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="hf:OWNER/NAME[@REVISION]",
            help="Or the repository that holds it.",
            show_default=False,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Pictures, one folder per class: its cohort.",
            show_default="none: the enrolled alone set the thresholds",
        ),
    ] = None,
    out: _Out = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="photo|face|ink|frame|text|tensors",
            help="What the model reads; a text by the tokenizer.json beside it.",
            show_default="photo, if it takes pictures; text, if it has a tokenizer",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE|HxW",
            help="Of the input in pixels.",
            show_default="as the model says",
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="1 grey, 3 RGB.", show_default="as the model says")
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="crop|pad|stretch", help="How a picture gets its shape.", show_default="crop"
        ),
    ] = None,
    mean: _Numbers = None,
    std: _Numbers = None,
    bgr: Annotated[bool, typer.Option("--bgr", help="It takes blue, green, red.")] = False,
    align: Annotated[
        str | None,
        typer.Option(
            metavar="arcface|dlib|box",
            help="How a face is cut out.",
            show_default="arcface at 112 px, else dlib",
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:POOL]",
            help="Which output is the embedding; several are joined.",
            show_default="the likeliest",
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            metavar="cls|mean|max|gem|none",
            help="How tokens or maps become one vector.",
            show_default="the likeliest",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Which of a repository's models: fp32, fp16, int8 ...", show_default="fp32"
        ),
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="Of the model.", show_default="as the repository says")
    ] = None,
    seed: _Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Make a pack of any encoder, and measure it on classes held out of a folder.

    The input of the model is (x - mean) / std with x in [0, 1]; where neither is stated, those of
    ImageNet for RGB, 0 and 1 for grey. What was read of the model and what was assumed is said.

    Example: `holotype pack build --onnx model.onnx --background pictures --name mine`
    """
    from holotype.packing import build as building
    from holotype.packing.encoder import Chosen, in_file
    from holotype.packing.model_input import preprocessing_for

    if onnx is None and from_ is None:
        raise typer.BadParameter("name a file, or a repository", param_hint="--onnx, --from")
    if background is not None:
        say_passed_over_in(background, as_json)
    height, width = _sides(size)
    stated = {
        "kind": kind,
        "size_px": height,
        "width_px": width,
        "channels": channels,
        "fit": fit,
        "mean": _numbers(mean, "--mean"),
        "std": _numbers(std, "--std"),
        "alignment": align,
    }
    given = {key: value for key, value in stated.items() if value is not None}
    with ExitStack() as stack:
        if from_ is None:
            assert onnx is not None
            found = in_file(onnx)
        else:
            from holotype.packing.repository import fetched

            file = None if onnx is None else onnx.as_posix()
            found = stack.enter_context(fetched(from_, file, precision, given))
        report = stack.enter_context(bars())
        built = building.build_pack(
            found.model,
            background,
            out or Path(name),
            name=name,
            preprocess=partial(preprocessing_for, notes=found.notes, **{**found.stated, **given}),
            license=license or found.license,
            command=command_line(),
            tokenizer=found.tokenizer,
            text=found.text,
            chosen=Chosen(tuple(output or found.outputs), pool or found.pool, bgr=bgr or found.bgr),
            notes=found.notes,
            source=found.source,
            seed=seed,
            progress=report,
        )
    _print_built(built, as_json)


def adapt(
    pack: _Pack,
    background: Annotated[
        str, typer.Option(metavar="FOLDER", help="Pictures, one folder per class.")
    ],
    name: _Name,
    out: _Out = None,
    seed: _Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a pack to a kind of things, without training: a head that is solved, if one helps.

    Half of the folder's classes solve it, a quarter plays the strangers, a quarter is measured.

    Example: `holotype pack adapt objects --background pictures --name mine`
    """
    from holotype.packing.adapt import adapt_pack

    say_passed_over_in(background, as_json)
    with bars() as report:
        adapted = adapt_pack(
            pack,
            background,
            out or Path(name),
            name=name,
            command=command_line(),
            seed=seed,
            progress=report,
        )
    _print_adapted(adapted, as_json)


def describe(
    pack: _Pack,
    background: Annotated[
        str,
        typer.Option(metavar="FOLDER", help="Pictures, one folder per class, named in words."),
    ],
    name: _Name,
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='More about the classes, as JSON: {"okapi": "a dark animal with striped legs"}.',
            show_default="none: their names alone",
        ),
    ] = None,
    text_encoder: Annotated[
        str, typer.Option(metavar="PACK", help="Which reads the texts.")
    ] = "texts",
    out: _Out = None,
    seed: _Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Give a pack of pictures a text side: then a text enrolls what nobody has shown.

    A fifth of the folder's classes is left out in turn, to see what texts are worth.

    Example: `holotype pack describe objects --background pictures --name mine`
    """
    from holotype.packing.describe import describe_pack

    say_passed_over_in(background, as_json)
    with bars() as report:
        described = describe_pack(
            pack,
            background,
            out or Path(name),
            name=name,
            command=command_line(),
            text_encoder=text_encoder,
            texts=texts,
            seed=seed,
            progress=report,
        )
    _print_described(described, as_json)


def verify(
    pack: _Pack,
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
    pack: _Pack,
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
    smallest = 1.0 if measured is None else measured.smallest_rate
    if as_json:
        print_json(
            {
                "path": os.fspath(built.pack.path),
                "model_id": card.model_id,
                "preprocessing": card.preprocessing.to_json(),
                "understood": built.notes.understood,
                "assumed": built.notes.assumed,
                "classes": built.classes,
                "pictures": built.pictures,
                "scores": [] if measured is None else measured.scores,
                "promise": [] if measured is None else measured.promise,
                "smallest_fpir": smallest if smallest < 1 else None,
                "batch_difference": built.batch_difference,
                "seconds": round(built.seconds, 1),
                "written": [os.fspath(path) for path in built.written],
            }
        )
        return
    if measured is not None:
        print_measured(measured)
    for line in built.notes.understood:
        say(f"understood: {line}")
    for line in built.notes.assumed:
        say(f"assumed: {line}")
    constants = ", ".join(
        f"{key} {value}" for key, value in card.preprocessing.to_json().items() if key != "inputs"
    )
    say(f"Its input is prepared by: {constants}")
    if measured is None:
        say(
            "No background was given, so it has no cohort and was not measured: the enrolled set "
            "the thresholds, as strangers to one another."
        )
    where = f", the report in {built.written[0]}" if built.written else ""
    say(f"The pack is in {os.fspath(built.pack.path)}{where}")


def _print_adapted(adapted: Adapted, as_json: bool) -> None:
    card = adapted.pack.card
    if as_json:
        print_json(
            {
                "path": os.fspath(adapted.pack.path),
                "model_id": card.model_id,
                "head": adapted.head,
                "tried": [asdict(one) for one in adapted.tried],
                "held_out": None if adapted.held_out is None else asdict(adapted.held_out),
                "classes": adapted.classes,
                "pictures": adapted.pictures,
                "scores": adapted.measured.scores,
                "promise": adapted.measured.promise,
                "seconds": round(adapted.seconds, 1),
                "written": [os.fspath(path) for path in adapted.written],
            }
        )
        return
    print_table(
        ("head", "accuracy, %", "beside none, points", "it"),
        [
            (
                one.name,
                f"{one.accuracy:.2f}",
                f"{one.difference:+.2f} +- {one.error:.2f}",
                "helps" if one.helps else "harms" if one.harms else "cannot say",
            )
            for one in adapted.tried
        ],
        title="Classes held back in turn, from one example each",
    )
    print_measured(adapted.measured)
    if adapted.held_out is None:
        say("No head was better, so the pack keeps its bare encoder.")
    else:
        one = adapted.held_out
        say(
            f"Head: {one.name}. On the classes held out: {one.accuracy:.2f} %, "
            f"{one.difference:+.2f} +- {one.error:.2f} points beside none"
            + ("; it harms there, so the pack keeps its bare encoder." if one.harms else ".")
        )
    say(f"The pack is in {os.fspath(adapted.pack.path)}, the report in {adapted.written[0]}")


def _print_described(described: Described, as_json: bool) -> None:
    facts = {one.name: getattr(described, one.name) for one in fields(described)}
    pack = facts.pop("pack")
    if as_json:
        print_json(
            {"path": os.fspath(pack.path), "model_id": pack.card.model_id, **facts}
            | {"seconds": round(described.seconds, 1)}
        )
        return
    print_table(
        ("known by", "right, %"),
        [
            ("a text alone", f"{described.accuracy:.1f} +- {1.96 * described.error:.1f}"),
            ("one picture", f"{described.one_example:.1f}"),
            ("nothing: chance", f"{described.chance:.1f}"),
        ],
        numbers=("right, %",),
        title=f"Pictures of {described.ways:g} classes left out, named among these",
    )
    say(f"The pack is in {os.fspath(pack.path)}. What nobody has shown is enrolled by a text:")
    print(f'holotype enroll GALLERY okapi --text "a dark animal" --model {os.fspath(pack.path)}')


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


def _sides(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    try:
        height, *rest = (int(value) for value in text.lower().split("x"))
        width = rest.pop() if rest else None
        if rest:
            raise ValueError
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a side nor height x width in pixels", param_hint="--size"
        ) from None
    return height, width
