"""Do imagined examples help a network that has learned nothing else?

    HOLOTYPE_DATA=... python experiments/imagine_scratch.py [--draw RUN ...]

As `experiments/imagine.py`, which runs first and chooses the strengths, but what learns is a
network that is trained anew in each episode, on the one real drawing of each class and its imagined
kin. Paired differences with intervals over episodes. Writes results/imagine_scratch.json. About
an hour on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import Dataset
from holotype.image.prepare import prepare_batch
from holotype.preprocessing import Preprocessing
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.metric.scratch import FromScratch
from imagine import COUNT, EXAMPLES, QUERIES, Draw, drawing, from_runs, row, unturned
from tabling import keep, result

EPISODES = {5: 60, 20: 12}
PREPROCESSING = Preprocessing("frame", 28, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", type=Path, nargs="*", default=[], help="generative runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = result("imagine")["strengths"]
    sources: dict[str, Draw | None] = {"1 real": None}
    sources |= {f"1 + {COUNT}, {name}": drawing(name, chosen[name]["chosen"]) for name in chosen}
    sources |= {f"1 + {COUNT}, {name}": draw for name, draw in from_runs(arguments.draw).items()}
    unseen = unturned(load_dataset("omniglot"), "vinyals-test", "evaluation")
    rows = []
    for way in EPISODES:
        found = {}
        for name, source in sources.items():
            found[name] = accuracies(unseen, source, way)
            print(way, name, round(float(found[name].mean()), 2), flush=True)
        warped = max(
            (name for name in found if name.endswith("warp")), key=lambda n: found[n].mean()
        )
        rows += [
            row("network from scratch", "", way, name, of, found["1 real"], found[warped])
            for name, of in found.items()
        ]
        told = {
            "command": "python experiments/imagine_scratch.py --draw RUN...",
            "episodes": EPISODES,
            "rows": rows,
        }
        keep("imagine_scratch", told)


def accuracies(data: Dataset, source: Draw | None, way: int) -> NDArray[np.float64]:
    """Percent right in each episode, the same ones for every source."""
    rng = np.random.default_rng(2)
    rows = np.argsort(data.class_index, kind="stable").reshape(-1, EXAMPLES)
    method, percent = FromScratch(), []
    for _ in range(EPISODES[way]):
        drawn = rng.permuted(rows[rng.choice(len(rows), way, replace=False)], axis=1)
        references, queries = data.images[drawn[:, 0]], data.images[drawn[:, 1 : 1 + QUERIES]]
        support = prepared(references).unsqueeze(1)
        if source is not None:
            made = prepared(source(references))
            support = torch.cat([support, made.reshape(way, COUNT, *made.shape[1:])], dim=1)
        asked = prepared(queries.reshape(-1, *queries.shape[2:]))
        scores = method.scores(EpisodeBatch(support[None], asked[None]))[0]
        right = scores.argmax(1).numpy() == np.repeat(np.arange(way), QUERIES)
        percent.append(100 * right.mean())
    return np.array(percent)


def prepared(pictures: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(prepare_batch(list(pictures), PREPROCESSING))


if __name__ == "__main__":
    main()
