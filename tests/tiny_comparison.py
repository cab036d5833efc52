"""A comparison of about a second that is started, or gone on with, in a process to be killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from toys import conv

from holotype.comparison import Outcome, Progress, compare
from holotype.preprocessing import Preprocessing
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.recipes import RECIPES
from holotype.train.settings import TrainingSettings
from toy_packs import write_drawings

CLASSES, EXAMPLES, STEPS = 24, 5, 12
TINY = PictureRecipe(
    build=lambda n_classes, size_px: PrototypicalNetworks(conv()),
    description="a network of 8 filters at 16 px",
    preprocessing=Preprocessing("frame", size_px=16, margin_px=0),
    settings=TrainingSettings(STEPS, learning_rate=0.01, validate_every=6, checkpoint_every=2),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=5,
    n_query=2,
)
FEW = {"protocol": "evaluation", "n_ways": (3,), "k_shots": (1, 2), "n_query": 2, "episodes": 30}


def draw(folder: Path, classes: int = CLASSES, examples: int = EXAMPLES) -> Path:
    """A folder of class folders c00, c01, ... with toy drawings 0.png, 1.png, ..."""
    return write_drawings(folder, [f"c{number:02}" for number in range(classes)], examples)


def run(data: Path, out: Path, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Start the comparison, or go on with it, and write its tables."""
    recipes: dict[str, Any] = {"conv4": TINY, "other": replace(TINY, n_way=4)}
    known = dict(RECIPES["prototypical"])
    RECIPES["prototypical"] = recipes
    try:
        methods = ["prototypical", "prototypical:other"]
        outcome = compare(methods, str(data), out=out, progress=progress, **FEW)  # type: ignore[arg-type]
    finally:
        RECIPES["prototypical"] = known
    outcome.write(out)
    return outcome


def tell(data: Path, out: Path, listener: Connection) -> None:
    """Run, sending a line for each piece of progress, and wait each time to be told to go on."""
    torch.set_num_threads(1)

    def report(now: Progress) -> None:
        listener.send(f"{now.what} {now.done}")
        listener.recv()

    run(data, out, report)
    listener.send("finished")
