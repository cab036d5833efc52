"""Episodes per CPU-second, pixels included: 5-way 1-shot, 15 queries per class, 28 x 28.

python benchmarks/episodes.py
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import numpy as np

from holotype.datasets.catalogue import load_dataset
from holotype.evaluation.episodes import episodes, sample

EPISODES, ROUNDS, BAR = 5000, 5, 5000


def main() -> None:
    # As many classes and pictures as Omniglot's background, whichever data sets are installed.
    classes = 964
    dataset = replace(
        load_dataset("sample"),
        images=np.random.default_rng(0).random((classes * 20, 1, 28, 28), dtype=np.float32),
        class_index=np.repeat(np.arange(classes), 20),
        class_names=tuple(map(str, range(classes))),
        group=("",) * classes,
        drawer=None,
    )
    rates = []
    for seed in range(ROUNDS):
        began = time.process_time()
        index = sample(dataset, n_way=5, k_shot=1, n_query=15, episodes=EPISODES, seed=seed)
        drawn = time.process_time()
        for _ in episodes(dataset.images, index):
            pass
        ended = time.process_time()
        rates.append(EPISODES / (ended - began))
        print(
            f"seed {seed}: {rates[-1]:8.0f} episodes per CPU-second "
            f"(drawing {1e6 * (drawn - began) / EPISODES:.0f} us, "
            f"pixels {1e6 * (ended - drawn) / EPISODES:.0f} us each)"
        )
    median = statistics.median(rates)
    print(f"median {median:.0f}, ratio to the bar of {BAR}: {median / BAR:.2f}")


if __name__ == "__main__":
    main()
