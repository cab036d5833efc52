"""The command that draws what a model takes for more of the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holotype.cli.display import AsJson, print_json, say
from holotype.cli.failures import training_extra

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image


def imagine(
    model: Annotated[
        str,
        typer.Argument(
            metavar="PACK|RUN",
            help="A pack of ink drawings (its kin are drawn stroke by stroke), or the folder of a "
            "run of a generative method.",
        ),
    ],
    references: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="References, one picture each.")
    ],
    n: Annotated[int, typer.Option("--n", min=1, max=200, help="Pictures of each.")] = 20,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="The sheet to write.", show_default="imagined.png"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 0,
    between: Annotated[
        bool, typer.Option("--between", help="From each reference to the next; needs a run.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw others of the kind of one example, on a sheet to look at.

    Example: `holotype imagine characters drawing.png --n 20 --out sheet.png`
    """
    from holotype.domains.strokes import sheets

    if between and len(references) < 2:
        raise typer.BadParameter("--between needs two images or more", param_hint="IMAGE")
    target = out or _free(Path("imagined.png"))
    facts: dict[str, Any] = {"references": [os.fspath(path) for path in references]}
    sheet: Image.Image
    if (Path(model) / "run.json").is_file():
        sheet = sheets.kin_sheet(_from_run(Path(model), references, n, seed, between))
    else:
        if between:
            raise typer.BadParameter(
                "a pack has no way between; name a run", param_hint="--between"
            )
        sheet = _from_pack(model, references, n, seed, facts)
    written = sheets.write_sheet(sheet, target)
    if as_json:
        print_json({"written": os.fspath(written), **facts})
        return
    for warning in facts.get("warnings", ()):
        say(f"warning: {warning}.", style="yellow")
    say(f"The sheet is in {os.fspath(written)}")


def _from_pack(
    model: str, references: list[Path], n: int, seed: int, facts: dict[str, Any]
) -> Image.Image:
    from holotype.domains.strokes import kin, sheets
    from holotype.pack import load_pack

    pack = load_pack(model)
    found = kin.imagine_kin(pack, references, n, seed, 2 * sheets.CELL_PX)
    facts["warnings"] = [
        f"{os.fspath(path)}: {warning.text}"
        for path, one in zip(references, found, strict=True)
        for warning in one.warnings
    ]
    return sheets.kin_sheet([(one.reference, one.pictures) for one in found])


def _from_run(
    run: Path, references: list[Path], n: int, seed: int, between: bool
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    with training_extra("imagine"):
        from holotype.train.methods.generative.imagining import RunImagination

        drawing = RunImagination(run)
        shown = [drawing.reference(path) for path in references]
        if between:
            return [
                (shown[i], drawing.between(references[i], references[i + 1], n))
                for i in range(len(references) - 1)
            ]
        return [
            (picture, drawing.imagine(path, n, seed))
            for picture, path in zip(shown, references, strict=True)
        ]


def _free(path: Path) -> Path:
    """The first of name.png, name-2.png, name-3.png, ... that does not exist."""
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found
