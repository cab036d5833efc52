"""Five alphabets to learn from: what does a generator that fills the background gain?

    HOLOTYPE_DATA=... python experiments/minimal.py RUN [RUN ...]

Each run is of a recipe of `prototypical` for the minimal backgrounds: `small1`, `small2`, and
with `-pen` the same filled by the generator. Opens Lake's 20 runs of one-shot classification and
asks each network as an exported pack would (the mean of seven views of a picture). Runs of
`small1-selection` and its kin are not opened on them: of these the accuracy on their held-out
alphabets is noted. Writes results/minimal.json. About a minute on one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.lake import N_WAY, lake_runs
from holotype.evaluation.accuracy import credit, prototype_scores
from holotype.evaluation.episodes import episodes
from holotype.image.prepare import prepare_batch
from holotype.stats.half_width import half_width
from holotype.train.history import History
from holotype.train.pipeline import RunScorer, run_scorer
from holotype.train.test_time_augmentation import ViewAverage
from tabling import keep, today


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    rows, chosen = [], []
    wrong: dict[str, list[NDArray[np.float64]]] = {}
    for path in parser.parse_args().runs:
        run = run_scorer(path)
        recipe, settings = run.facts["config"]["recipe"], run.facts["settings"]
        facts = {
            "recipe": recipe,
            "seed": settings["seed"],
            "steps": settings["steps"],
            "minutes": round(History.read(path).seconds / 60, 1),
        }
        if run.recipe.selection:
            chosen.append({**facts, "held_out": round(History.read(path).validation[-1][1], 3)})
            print(json.dumps(chosen[-1]), flush=True)
            continue
        of_run = {name: lake_errors(run, views) for name, views in (("views", 7), ("one view", 1))}
        wrong.setdefault(recipe, []).append(of_run["views"])
        rows.append({**facts, **{name: error(found) for name, found in of_run.items()}})
        print(json.dumps(rows[-1]), flush=True)
    result = {
        "command": "python experiments/minimal.py RUN...",
        "date": today(),
        "trials": 20 * N_WAY,
        "rows": rows,
        "differences": [
            difference(name, np.mean(wrong[name], 0), np.mean(wrong[f"{name}-pen"], 0))
            for name in ("small1", "small2")
            if name in wrong and f"{name}-pen" in wrong
        ],
        "held_out": chosen,
    }
    keep("minimal", result)


def lake_errors(run: RunScorer, views: int) -> NDArray[np.float64]:
    """What each trial is wrong by, 0 or 1 but for ties: [20 runs, 20 trials]."""
    embedder = run.method.embedder()
    assert embedder is not None
    if views > 1:
        embedder = ViewAverage(embedder, run.preprocessing.size_px, run.recipe.views)
    pictures, index = lake_runs()
    prepared = torch.from_numpy(prepare_batch(list(pictures), run.preprocessing))
    with torch.inference_mode():
        vectors = np.concatenate([embedder(chunk).numpy() for chunk in prepared.split(100)])
    return np.stack(
        [
            1 - credit(prototype_scores(one), np.asarray(one.query_class))
            for one in episodes(vectors, index)
        ]
    )


def error(wrong: NDArray[np.float64]) -> list[float]:
    """Percent, and half its 95 % interval over the 20 runs."""
    return interval(wrong.mean(1))


def difference(
    name: str, without: NDArray[np.float64], filled: NDArray[np.float64]
) -> dict[str, Any]:
    """Of the same trials, by runs: trials of one run share an alphabet and two drawers."""
    return {
        "background": name,
        "points": interval((filled - without).mean(1)),
        "only_without_wrong": round(float(np.maximum(without - filled, 0).sum()), 2),
        "only_filled_wrong": round(float(np.maximum(filled - without, 0).sum()), 2),
    }


def interval(shares: NDArray[np.float64]) -> list[float]:
    return [round(100 * float(shares.mean()), 3), round(100 * float(half_width(shares)), 3)]


if __name__ == "__main__":
    main()
