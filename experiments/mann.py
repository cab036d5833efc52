"""Accuracy at the k-th instance, on the protocol of Santoro et al. 2016.

    python experiments/mann.py RUN... [--episodes 1000]

Runs of `holotype train mann`; episodes of Vinyals test classes, in the shape that each run was
trained on. Writes results/mann.json. The interval is that of the mean over episodes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holotype.datasets.catalogue import load_dataset
from holotype.stats.half_width import half_width
from holotype.train import runs
from holotype.train.history import History
from holotype.train.methods.memory.instances import InstanceMethod
from holotype.train.methods.memory.mann import RECIPES
from holotype.train.picture_recipes import EpisodicBatches, part, prepared
from holotype.train.pipeline import run_scorer
from tabling import keep

TOGETHER = 20  # episodes in a batch


def measured(run: Path, episodes: int) -> dict[str, Any]:
    facts = runs.read(run)
    recipe = RECIPES[facts["config"]["method"]][facts["config"]["recipe"]]
    method = run_scorer(run).method
    assert isinstance(method, InstanceMethod)
    test = prepared(part(load_dataset("omniglot"), ("vinyals-test",), 0), recipe.preprocessing)
    draw = EpisodicBatches(test, replace(recipe, tasks=TOGETHER), seed=0)
    per_class = recipe.k_shot + recipe.n_query
    right = np.zeros((0, per_class))  # [episodes, instance] share of the classes
    for step in range(-(-episodes // TOGETHER)):
        shown = method.sequences(draw(step), torch.Generator().manual_seed(step))
        with torch.inference_mode():
            correct, instance = method.correct(shown).float(), shown.instance()
        at = [
            (correct * (instance == k)).sum(0) / (instance == k).sum(0)
            for k in range(1, per_class + 1)
        ]
        right = np.concatenate([right, torch.stack(at, dim=1).numpy()])
    half = half_width(right)
    # The most that guessing by exclusion can reach at a first instance: labels not told yet.
    labels = method.labels.alphabet**method.labels.letters
    exclusion = np.mean([1 / (labels - told) for told in range(recipe.n_way)])
    row = {
        "recipe": facts["config"]["recipe"],
        "seed": facts["settings"]["seed"],
        "steps": facts["settings"]["steps"],
        "minutes": round(History.read(run).seconds / 60, 1),
        "parameters": sum(value.numel() for value in method.parameters()),
        "n_way": recipe.n_way,
        "episodes": len(right),
        "accuracy": [round(100 * float(value), 2) for value in right.mean(0)],
        "ci95": [round(100 * float(value), 2) for value in half],
        "exclusion": round(100 * float(exclusion), 2),
    }
    print(f"{run}: {row['recipe']}, seed {row['seed']}: {row['accuracy']}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--episodes", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measured(run, arguments.episodes) for run in arguments.runs]
    result = {"command": "python experiments/mann.py RUN...", "runs": rows}
    keep("mann", result)


if __name__ == "__main__":
    main()
