"""Generative models as classifiers: the query goes to the class under which it is likeliest.

    python experiments/likelihood.py RUN...    # runs of `homoencoder` and `vae`

A run that learned from the Vinyals split is tried on its test classes, one that learned from
background alphabets alone on the 20 runs of Lake et al. (2015). Writes results/likelihood.json.
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
from holotype.train.history import History
from holotype.train.pipeline import run_scorer
from tabling import keep

EPISODES = {5: 1000, 20: 300}
N_QUERY = 5


def plans(training: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """What a model that learned from these splits has not seen: title -> options of a plan."""
    if "vinyals-train" not in training:
        return {"Lake's 20 runs, 20-way": {"protocol": "lake"}}
    return {
        f"Vinyals, {n_way}-way": {
            "protocol": "vinyals",
            "n_way": n_way,
            "k_shot": 1,
            "n_query": N_QUERY,
            "episodes": episodes,
        }
        for n_way, episodes in EPISODES.items()
    }


def measured(run: Path) -> list[dict[str, Any]]:
    scorer = run_scorer(run)
    facts, recipe = scorer.facts, scorer.recipe
    history = History.read(run)
    rows = []
    for title, options in plans(recipe.training).items():
        drawn = plan(data="omniglot", **options)
        report = evaluate(
            scorer.method.episode_scores,
            drawn.episodes(partial(prepare_batch, preprocessing=recipe.preprocessing)),
            protocol=drawn.protocol,
            n_query=drawn.n_query,
        )
        rows.append(
            {
                "method": facts["config"]["method"],
                "recipe": facts["config"]["recipe"],
                "seed": facts["settings"]["seed"],
                "steps": history.step,
                "minutes": round(history.seconds / 60, 1),
                "task": title,
                "episodes": report.episodes,
                "accuracy": round(report.accuracy, 2),
                "ci95": round(report.ci95, 2),
            }
        )
        print(f"{run}: {title}, {report.accuracy:.2f} +- {report.ci95:.2f} %", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for run in arguments.runs for row in measured(run)]
    result = {"command": "python experiments/likelihood.py RUN...", "rows": rows}
    keep("likelihood", result)


if __name__ == "__main__":
    main()
