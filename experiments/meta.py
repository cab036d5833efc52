"""The runs of the meta-learning family: inductive and transductive accuracy, and the curves.

python experiments/meta.py RUN...    # runs of `holotype train ... --data omniglot --recipe conv4`

Vinyals test classes, 1-shot, 5 queries per class. All columns have the same weights: inductive,
transductive, and inductive in another arithmetic than that of the training.
Writes results/meta.json and docs/meta.png (accuracy of the validation against tasks seen).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import torch

from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.protocols import plan
from holotype.image.prepare import prepare_batch
from holotype.train import pipeline
from holotype.train.history import History
from tabling import ROOT, keep

EPISODES = {5: 1000, 20: 300}


def measured(run: Path) -> dict[str, Any]:
    scorer = pipeline.run_scorer(run)
    facts, recipe, method = scorer.facts, scorer.recipe, scorer.method
    history = History.read(run)
    row = {
        "method": facts["config"]["method"],
        "recipe": facts["config"]["recipe"],
        "from": facts["config"].get("from", {}).get("recipe"),
        "steps": history.step,
        "tasks": history.step * recipe.tasks,
        "n_way": recipe.n_way,
        "minutes": round(history.seconds / 60, 1),
        "threads": facts["threads"],
        "seed": facts["settings"]["seed"],
        "commit": facts["commit"],
        "validation": history.validation,
        "validation_n_way": recipe.validation_n_way,
        "accuracy": {},
    }
    for n_way, episodes in EPISODES.items():
        drawn = plan(
            "vinyals", "omniglot", n_way=n_way, k_shot=1, n_query=5, episodes=episodes, seed=0
        )
        for kind in ("inductive", "transductive", "inductive, float32"):
            method.transductive = kind == "transductive"
            method.precision = "float32" if "float32" in kind else "bfloat16"
            prepare = partial(prepare_batch, preprocessing=recipe.preprocessing)
            report = evaluate(
                method.episode_scores,
                drawn.episodes(prepare, None, lambda done, total: None),
                protocol="vinyals",
                n_query=5,
            )
            row["accuracy"][f"{n_way} {kind}"] = report.to_json()
            print(row["method"], row["recipe"], n_way, kind, f"{report.accuracy:.2f}", flush=True)
    return row


def draw(rows: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for row in rows:
        steps, accuracy = zip(*row["validation"], strict=True)
        tasks = [step * row["tasks"] / row["steps"] for step in steps]
        label = f"{row['method']}, {row['recipe']} ({row['validation_n_way']}-way)"
        axis.plot(tasks, accuracy, "o-", markersize=3, label=label)
    axis.set_xlabel("tasks seen")
    axis.set_ylabel("1-shot validation, %")
    axis.legend(fontsize=8)
    figure.savefig(ROOT / "docs" / "meta.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="+", type=Path)
    torch.set_num_threads(1)
    rows = [measured(run) for run in parser.parse_args().runs]
    keep("meta", rows)
    draw(rows)


if __name__ == "__main__":
    main()
