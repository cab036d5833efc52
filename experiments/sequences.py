"""Bits per sequence of finished runs, within the trained difficulty and beyond it.

    python experiments/sequences.py RUN...

Runs of `holotype train ntm` and `holotype train lstm`, any tasks and seeds; writes
results/ntm.json. The curve is the validation of each run: mean bits at the largest trained
difficulty against sequences seen. A sequence that costs more than a bit counts as lost: one that
loses its way costs hundreds, and a mean over a thousand is then this one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holotype.train.history import History
from holotype.train.methods.memory.sequence_runs import RECIPES, read_run
from holotype.train.methods.memory.sequences import best_bits, find_task
from tabling import keep

SEQUENCES = 1000
LOST_BITS = 1.0  # a sequence that costs more was not answered right
AT = {"copy": (10, 20, 30, 40), "recall": (6, 8, 12), "repeat-copy": (10, 14), "ngrams": (200,)}


def measured(run: Path) -> dict[str, Any]:
    done, history = read_run(run), History.read(run)
    task = find_task(done.task)
    recipe = RECIPES[done.method][done.recipe]
    with torch.inference_mode():
        bits = {
            at: done.learner.bits(task(np.random.default_rng((1, at, 1)), SEQUENCES, at))
            for at in AT[done.task]
        }
    row = {
        "method": done.method,
        "recipe": done.recipe,
        "task": done.task,
        "seed": done.seed,
        "parameters": sum(value.numel() for value in done.learner.parameters()),
        "training_sequences": history.step * recipe.sequences,
        "minutes": round(history.seconds / 60, 1),
        "bits": {str(at): float(f"{each.mean():.4g}") for at, each in bits.items()},
        "lost": {str(at): int((each > LOST_BITS).sum()) for at, each in bits.items()},
        "curve": [
            [step * recipe.sequences, float(f"{bits:.4g}")] for step, bits in history.validation
        ],
    }
    if done.task == "ngrams":
        best = best_bits(task(np.random.default_rng((1, 200, 1)), SEQUENCES, 200))
        row["best_bits"] = round(float(best.mean()), 2)
    print(f"{run}: {done.method} {done.recipe}, {done.task}, seed {done.seed}: {row['bits']}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    rows = sorted(
        map(measured, runs), key=lambda r: (r["task"], r["method"], r["recipe"], r["seed"])
    )
    result = {
        "command": "python experiments/sequences.py RUN...",
        "sequences": SEQUENCES,
        "runs": rows,
    }
    keep("ntm", result)


if __name__ == "__main__":
    main()
