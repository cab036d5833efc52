"""The commands that make what was learned visible."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from holotype.cli.display import AsJson, print_json, say
from holotype.cli.failures import training_extra
from holotype.cli.groups import Group

app = typer.Typer(cls=Group, help="Look at what was learned.")


@app.callback()
def _group() -> None:
    """Keep `memory` a command of its own while it is the only one."""


@app.command("memory")
def show_memory(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of ntm or mann.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="The picture to write.", show_default="RUN/memory.png"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which sequence is shown.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw the memory at work: where it writes and reads, step by step.

    Example: `holotype show memory runs/copy`
    """
    picture = out or run / "memory.png"
    with training_extra("show"):
        from holotype.learn.memory.picture import draw

        draw(run, picture, seed)
    if as_json:
        print_json({"picture": os.fspath(picture)})
    else:
        say(f"The picture is {os.fspath(picture)}")
