"""The command that compares methods, runs and model packs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holotype.cli.display import AsJson, command_line, print_json, print_table, say, shown
from holotype.cli.failures import training_extra
from holotype.cli.inputs import say_passed_over_in
from holotype.cli.progress import Report, bars, occasional_lines

if TYPE_CHECKING:
    from holotype.comparison import Outcome, Progress

_GRID = "the whole comparison"
_NAMED = 20  # unfit pictures that are named one by one


def _numbers(text: str) -> str:
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of whole numbers above 0, such as 5,20")
    if len({int(part) for part in parts}) < len(parts):
        raise typer.BadParameter(f"{text!r} names a number twice")
    return text


def compare(
    methods: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD...",
            help="A method or method:recipe (`holotype methods`), the folder of a run, or a model "
            "pack. Differences are taken to the first.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where tables and trained runs go; goes on there.")
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="omniglot|digits|FOLDER",
            help="A data set, or a folder that holds one folder per class: its classes are then "
            "divided into some to learn from and others to test on.",
        ),
    ] = "omniglot",
    protocol: Annotated[
        str,
        typer.Option(metavar="lake|vinyals|evaluation|within-alphabet", help="As in `evaluate`."),
    ] = "evaluation",
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS",
            min=1,
            help="Training steps for each method.",
            show_default="as its recipe says",
        ),
    ] = None,
    n_way: Annotated[
        str, typer.Option(metavar="N,N", callback=_numbers, help="Classes per episode.")
    ] = "5",
    k_shot: Annotated[
        str, typer.Option(metavar="K,K", callback=_numbers, help="Examples per class.")
    ] = "1",
    n_query: Annotated[int, typer.Option(min=1, help="Queries per class.")] = 15,
    episodes: Annotated[int, typer.Option(min=2, help="How many of each kind.")] = 1000,
    seed: Annotated[int, typer.Option(help="Fixes all that is random.")] = 0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a picture that cannot serve.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare methods, runs and packs on the very same episodes; train what is not trained yet.

    Stopped at any moment, the same command goes on where it was.

    Example: `holotype compare prototypical matching --protocol vinyals --n-way 5,20 --k-shot 1,5
    --out comparison`
    """
    from holotype import comparison

    say_passed_over_in(data, as_json)
    try:
        with training_extra("compare"), bars() as report:
            outcome = comparison.compare(
                methods,
                data,
                protocol=protocol,
                out=out,
                budget=budget,
                n_ways=[int(number) for number in n_way.split(",")],
                k_shots=[int(number) for number in k_shot.split(",")],
                n_query=n_query,
                episodes=episodes,
                seed=seed,
                strict=strict,
                progress=_progress(report),
            )
            written = outcome.write(out)
    except KeyboardInterrupt as stop:
        again = command_line()
        raise type(stop)(f"go on with `{again}`") from None
    _remarks(outcome)
    if as_json:
        print_json({**outcome.to_json(), "written": [str(path) for path in written]})
        return
    _tables(outcome)
    for path in written:
        say(f"Written: {path}")


def _tables(outcome: Outcome) -> None:
    found = outcome.to_json()
    for at, task in enumerate(found["rows"][0]["cells"]):
        rows = []
        for row in found["rows"]:
            cell = row["cells"][at]
            difference, paper = cell["difference"], cell["published"]
            rows.append(
                (
                    row["name"] + (" (transductive)" if row["transductive"] else ""),
                    f"{cell['accuracy']['value']:.2f} % +- {cell['accuracy']['ci95']:.2f}",
                    f"{difference['value']:+.2f} +- {difference['ci95']:.2f}" if difference else "",
                    f"{paper['accuracy']:g} %" if paper else "",
                    f"{cell['ms_per_query']:.3g}",
                )
            )
        print_table(
            ("method", "accuracy", "difference", "paper", "ms per query"),
            rows,
            numbers=("accuracy", "difference", "paper", "ms per query"),
            title=f"{task['n_way']}-way {task['k_shot']}-shot on {outcome.data}, "
            f"{outcome.protocol}",
        )
    if outcome.division:
        parts = [f"{len(names)} classes for {part}" for part, names in outcome.division.items()]
        say(f"Divided by class: {', '.join(parts)}; the table names them.")


def _remarks(outcome: Outcome) -> None:
    """What is wrong with the pictures goes to stderr: stdout stays the result's."""
    lines = list(outcome.remarks)
    lines += [f"left out {picture}: {why}" for picture, why in outcome.unfit.items()][:_NAMED]
    if outcome.unfit:
        left_out = len(outcome.unfit)
        lines.append(f"{left_out} {'picture was' if left_out == 1 else 'pictures were'} left out")
    for line in lines:
        print(shown(line), file=sys.stderr)


def _progress(report: Report) -> Callable[[Progress], None]:
    line = occasional_lines()

    def show(now: Progress) -> None:
        left = (
            ""
            if now.seconds_left is None
            else f", about {timedelta(seconds=round(now.seconds_left))} left"
        )
        cells = f"{now.cells_done} of {now.cells} cells"
        report(now.what, now.done, now.total, now.note)
        report(_GRID, now.cells_done, now.cells or None, cells + left)
        line(f"{now.what}, {now.note or f'{now.done} of {now.total}'}; {cells}{left}", False)

    return show
