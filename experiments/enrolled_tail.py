"""How far the tail of few enrolled can be followed: what its predictions let in.

python experiments/enrolled_tail.py

This is what the tails of `openset.predictive` were chosen on: background characters, and halves of
the classes of signatures and faces that were set aside for it (and a look at halves of Caltech's
things and of groceries). The enrolled, one example
each, set a threshold for a stated rate without any cohort; one picture of each other class is a
stranger. `free` is the share of the peaks that counts as independent.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import split
from holotype.openset import predictive
from holotype.openset.enrolled import EnrolledScores
from holotype.openset.scale import negative_log_distance
from holotype.pack import load_pack
from holotype.report import seen
from holotype.stats.bootstrap import share
from tabling import keep, today

SETS = {"omniglot": "characters", "cedar": "signatures", "orl": "faces"}
SIZES, RATES, GALLERIES, CLASSES, PICTURES = (5, 10, 20, 40), (0.1, 0.05, 0.01), 100, 200, 6
FREE = (1.0, 0.5)


def chosen(name: str) -> Dataset:
    """The classes that may be looked at, a few pictures of each."""
    data = load_dataset(name)
    if name == "omniglot":
        data = split(data, "background")
        count = min(CLASSES, len(data.class_names))
    else:
        count = len(data.class_names) // 2
    classes = np.random.default_rng(7).permutation(len(data.class_names))[:count]
    rows = [np.flatnonzero(data.class_index == c)[:PICTURES] for c in np.sort(classes)]
    keep = np.zeros(len(data), np.bool_)
    keep[np.concatenate(rows)] = True
    return data.rows(keep)


def tails(scores: EnrolledScores, rate: float, free: float) -> float:
    """The stricter of the two tails, where so much of the peaks counts as independent."""
    ranked = np.sort(negative_log_distance(scores.best))[::-1]
    peaks = max(2, int(np.ceil(len(ranked) / 2)))
    reach = (peaks + 2) / (len(ranked) + 1)
    known = peaks * len(np.unique(ranked)) / len(ranked) * free
    best = predictive.beyond(ranked, peaks, known, reach, rate)
    some = predictive.some(len(scores))
    return max(best, predictive.of_pairs(scores.among(some), len(scores), rate) or -1.0)


def measured(vectors: NDArray[np.float32], kind: NDArray[np.int64]) -> list[dict[str, Any]]:
    """A row for each size of gallery, rate and share of independence."""
    classes = np.unique(kind)
    rows = []
    for size in (n for n in SIZES if n + 5 <= len(classes)):
        cells = {(rate, free): np.zeros((2, len(classes))) for rate in RATES for free in FREE}
        for seed in range(GALLERIES):
            rng = np.random.default_rng(seed)
            drawn = np.array([rng.choice(np.flatnonzero(kind == c)) for c in classes])
            order = rng.permutation(len(classes))
            enrolled, others = vectors[drawn[order[:size]]], order[size:]
            reached = (vectors[drawn[others]] @ enrolled.T).max(axis=1)
            scores = EnrolledScores.of(range(size), enrolled, enrolled)
            for (rate, free), cell in cells.items():
                cell[0, others] += reached >= tails(scores, rate, free)
                cell[1, others] += 1
        rows += [
            {"enrolled": size, "stated": rate, "free": free, "let_in": share(*cell).to_json()}
            for (rate, free), cell in cells.items()
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    found: dict[str, Any] = {"date": today(), "galleries": GALLERIES}
    for name, pack in SETS.items():
        data = chosen(name)
        vectors, _ = seen(data, load_pack(pack))
        there = vectors.any(axis=1)
        found[name] = measured(vectors[there], data.class_index[there])
        print(name, json.dumps(found[name][-1]), flush=True)
    keep("enrolled_tail", found)


if __name__ == "__main__":
    main()
