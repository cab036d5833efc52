"""The commands about data sets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from holotype.cli.command_group import Group
from holotype.cli.display import AsJson, print_json, say
from holotype.cli.progress import bars

app = typer.Typer(cls=Group, help="Get data sets.")


@app.command()
def omniglot(
    out: Annotated[
        Path | None,
        typer.Option(help="Where to; by default $HOLOTYPE_DATA, or ~/.cache/holotype."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch Omniglot, Lake's 20 runs and the Vinyals split; goes on where it was stopped.

    Example: `holotype data omniglot`
    """
    from holotype.datasets.download import download_omniglot

    with bars() as report:
        folder = download_omniglot(
            out,
            lambda name, done, total: report(
                name, done, total, f"{done / 1e6:.1f} of {(total or 0) / 1e6:.1f} MB"
            ),
        )
    if as_json:
        print_json({"data": "omniglot", "folder": os.fspath(folder)})
    else:
        say(f"Omniglot is in {os.fspath(folder)}")


@app.command()
def sample(
    out: Annotated[Path, typer.Option(help="The folder to make.")] = Path("drawings"),
    as_json: AsJson = False,
) -> None:
    """Write the shipped drawings as a folder of class folders: 40 characters, 20 drawings each.

    Example: `holotype data sample --out drawings`
    """
    from holotype.datasets.catalogue import load_dataset
    from holotype.datasets.folders import write_folder

    drawings = load_dataset("sample")
    written = write_folder(out, drawings.images[:], drawings.class_index, drawings.class_names)
    if as_json:
        print_json({"data": "sample", "folder": os.fspath(out), "pictures": written})
    else:
        say(f"{written} drawings of {len(drawings.class_names)} characters are in {os.fspath(out)}")
