"""Validation accuracy against training steps, for the runs that the comparison is of.

    python experiments/curves.py RUN...  # of `holotype train METHOD --data omniglot --recipe conv4`

All are validated in the same way, 20-way 1-shot on classes of the Vinyals validation split.
Writes results/curves.json and docs/curves.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from holotype.train import runs
from holotype.train.history import History
from tabling import ROOT, keep


def curve(run: Path) -> dict[str, Any]:
    facts, history = runs.read(run), History.read(run)
    return {
        "run": run.name,
        "method": facts["config"]["method"],
        "seed": facts["settings"]["seed"],
        "validation": history.validation,  # [step, %]
    }


def draw(curves: list[dict[str, Any]], path: Path) -> None:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for each in curves:
        steps, accuracy = zip(*each["validation"], strict=True)
        axis.plot(steps, accuracy, "o-", markersize=3, label=each["method"])
    axis.set_ylim(bottom=85)
    axis.set_xlabel("training steps")
    axis.set_ylabel("20-way 1-shot on validation classes, %")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    curves = [curve(run) for run in parser.parse_args().runs]
    keep("curves", curves)
    draw(curves, ROOT / "docs" / "curves.png")


if __name__ == "__main__":
    main()
