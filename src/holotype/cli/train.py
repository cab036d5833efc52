"""The commands that learn. Torch is loaded by them alone, and only when they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holotype.cli.display import AsJson, command_line, print_json, print_table, say
from holotype.cli.failures import training_extra
from holotype.cli.inputs import say_passed_over_in
from holotype.cli.pack_build import print_measured
from holotype.cli.progress import Report, bars, occasional_lines
from holotype.errors import DataError, HolotypeError
from holotype.pack import require_new
from holotype.train.registry import METHODS

_DAY_S = 86400.0

if TYPE_CHECKING:
    from holotype.packing.measured import Measured
    from holotype.train.plan import Plan
    from holotype.train.training import Progress


class Precision(StrEnum):
    """What a network is computed in while it learns."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class _Exported:
    pack: Path
    measured: Measured | None
    written: tuple[Path, ...]
    why_not: str  # measured; empty where it was, or nothing is held out


def train(
    method: Annotated[
        str | None,
        typer.Argument(metavar="METHOD", help="See `holotype methods`.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA", help="omniglot, or a folder of class folders.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="The folder of the run.", show_default="PACK-run"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="Named settings.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What defines the run, but for what is said here: the run.json of another, or "
            "TOML in the same words.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Fixes all that is random.", show_default="0")
    ] = None,
    begin: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="A finished run of the method to begin with.",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="PACK", help="Write the model pack at the end, and what it is worth."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many.", show_default="the recipe's"),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="M",
            help="At most so long: does as many of the recipe's steps as fit.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="auto: what is fastest on this machine.", show_default="auto"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the processor.", show_default="what is fastest"),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|cuda|cuda:N", help="What computes.", show_default="a GPU, if there is one"
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves into RUN/tensorboard.")
    ] = False,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Record some steps: RUN/profile.json and profile.txt."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a method on background classes; stopped at any moment, it goes on with `--resume`.

    Example: `holotype train prototypical --data omniglot --out runs/first`

    Example: `holotype train prototypical --data pictures --export mine`

    Example: `holotype train prototypical --data pictures --export mine --minutes 30`

    Example: `holotype train --config runs/first/run.json --seed 1 --out runs/second`
    """
    if out is None:
        if export is None:
            raise typer.BadParameter("name the folder of the run", param_hint="--out")
        out = export.with_name(f"{export.name}-run")
    if export is not None:
        require_new(export)
    if data is not None:
        say_passed_over_in(data, as_json)
    first = True
    try:
        with training_extra("train"), bars() as report, ExitStack() as stack:
            from holotype.train import pipeline, tracking
            from holotype.train.config import read_config
            from holotype.train.processes import joined

            processes = stack.enter_context(joined())
            first = processes.rank == 0

            watching = [_training_progress(report)]
            if tensorboard and first:
                watching.append(stack.enter_context(tracking.tensorboard(out)))
            if profile and first:
                watching.append(stack.enter_context(tracking.profiled(out)))

            pipeline.train_run(
                method,
                data,
                out,
                like=read_config(config) if config else None,
                recipe=recipe,
                seed=seed,
                steps=steps,
                minutes=minutes,
                precision=precision.value if precision else None,
                threads=threads,
                device=device,
                begin=begin,
                resume=resume,
                progress=_all(watching),
                planning=_print_plan,
                preparing=report,
                processes=processes,
            )
            if not first:
                return
            pack = _exported(out, export, report) if export else None
    except HolotypeError:
        if first:
            raise
        raise typer.Exit(1) from None  # the first process says it
    except KeyboardInterrupt as interrupt:
        if not first:
            raise typer.Exit(1) from None
        if str(interrupt):
            raise
        again = command_line()
        again += " --resume" * ((out / "run.json").exists() and not resume)
        raise KeyboardInterrupt(f"go on with `{again}`") from None
    if as_json:
        print_json({"run": os.fspath(out), **(_json(pack) if pack else {"pack": None})})
        return
    say(f"The run is in {os.fspath(out)}")
    if pack:
        _show(pack)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")],
    out: Annotated[Path, typer.Option(metavar="PACK", help="The folder to make.")],
    as_json: AsJson = False,
) -> None:
    """Ship a trained model as one folder, and measure it on classes that it has not seen.

    Example: `holotype export runs/first --out my-pack`
    """
    require_new(out)
    with training_extra("export"), bars() as report:
        pack = _exported(run, out, report)
    if as_json:
        print_json({"run": os.fspath(run), **_json(pack)})
    else:
        _show(pack)


def methods(as_json: AsJson = False) -> None:
    """Show the methods of all families, and which of them make a pack.

    Example: `holotype methods`
    """
    rows = [(name, card.family, *card.texts(), card.makes_pack) for name, card in METHODS.items()]
    if as_json:
        keys = ("method", "family", "description", "paper", "exports")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    print_table(
        ("method", "family", "what it does", "paper", "makes a pack"),
        [(*texts, "yes" if makes_pack else "no") for *texts, makes_pack in rows],
    )


def _exported(run: Path, out: Path, report: Report) -> _Exported:
    """The pack of a run; measured, where its data have classes that nothing of it has seen."""
    from holotype.packing.measured import put_to_the_test
    from holotype.train import pipeline

    pack, unseen = pipeline.export_run(run, out), pipeline.held_out(run)
    if unseen is None:
        return _Exported(pack.path, None, (), "")
    try:
        measured, written = put_to_the_test(pack, *unseen, report)
    except DataError as error:  # too few; the pack is there all the same
        return _Exported(pack.path, None, (), str(error))
    return _Exported(pack.path, measured, written, "")


def _json(exported: _Exported) -> dict[str, Any]:
    measured = exported.measured
    return {
        "pack": os.fspath(exported.pack),
        "scores": measured.scores if measured else [],
        "promise": measured.promise if measured else [],
        "written": [os.fspath(path) for path in exported.written],
        "not_measured": exported.why_not or None,
    }


def _show(exported: _Exported) -> None:
    if exported.measured:
        print_measured(exported.measured)
    if exported.why_not:
        say(f"What the pack is worth was not measured: {exported.why_not}")
    say(f"The model pack is in {os.fspath(exported.pack)}")
    for path in exported.written[:1]:
        say(f"The report is in {os.fspath(path)}")


def _print_plan(plan: Plan) -> None:
    """How a run is computed and why, and how long it will take; stdout stays the result's."""
    chosen, left = str(plan.way), plan.settings.steps - plan.done
    seconds = {way: mean for way, mean in plan.tried if way != plan.way}
    if plan.done or not plan.tried:
        why = f"Goes on with {chosen}, as it began"
    elif seconds:
        others = [
            f"{way} {f'{mean:.2g} s' if mean else 'more than twice as long'}"
            for way, mean in seconds.items()
        ]
        each = dict(plan.tried)[plan.way]
        why = f"Learns in {chosen}: {each:.2g} s a step on this machine ({', '.join(others)})"
    else:
        why = f"Learns in {chosen}"
    print(why, file=sys.stderr)
    expected = plan.seconds_left()
    if left and expected is not None:
        end = datetime.now() + timedelta(seconds=expected)
        until = f"{end:%H:%M}" if expected < _DAY_S else f"{end:%Y-%m-%d %H:%M}"
        print(f"{left:,} steps take {_about(expected)}, until {until}", file=sys.stderr, flush=True)


def _about(seconds: float) -> str:
    for unit, name in ((_DAY_S, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * unit:
            return f"about {seconds / unit:.{int(unit > 60)}f} {name}"
    return f"about {max(1, round(seconds))} s"


def _all(watching: list[Callable[[Progress], None]]) -> Callable[[Progress], None]:
    def tell(done: Progress) -> None:
        for watch in watching:
            watch(done)

    return tell


def _training_progress(report: Report) -> Callable[[Progress], None]:
    line = occasional_lines()

    def show(progress: Progress) -> None:
        note = f"step {progress.step:,} of {progress.steps:,}, loss {progress.loss:.4f}"
        if progress.validation is not None:
            note += f", validation {progress.validation:.2f}"
        report("training", progress.step, progress.steps, note)
        left = timedelta(seconds=round(progress.seconds_left))
        line(f"{note}, {left} left", progress.step == progress.steps)

    return show
