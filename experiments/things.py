"""Things in general from one photograph: what the pack `objects` reads of its network, and why.

    HOLOTYPE_DATA=... python experiments/things.py [--features FOLDER] [--card PACK]

Caltech-101, 12 photographs of each kind: one of each of 20 kinds is enrolled and five others are
named, in 1,000 draws. What is read was chosen on the first half of the kinds (in the order that
`everywhere_sets.SEED` draws), which gives the pack's cohort as well; the other half is reported. A
first look had another division, by a hash of their names, so that about half of the reported kinds
were among those looked at; it chose the same. Many kinds are among ImageNet's thousand, which the
network learned. `shelf` is the same network with a map learned from 41 groceries. Steel: the first
three of the
six kinds for choosing. Groceries: every other product, a photograph of each to others. Writes
results/things.json; --features keeps what the network computes.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from embedded import kept
from everywhere_sets import SEED, few, things
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import Dataset
from holotype.image.prepare import prepare_batch
from holotype.model.wiring import with_outputs
from holotype.pack import add_scores, load_pack
from holotype.stats.bootstrap import share
from holotype.stats.scoring import Floats, unit
from tabling import keep, today

WAY, ASKED, DRAWS, CHUNK = 20, 5, 1000, 16
# What the exporter called it in the model of `shelf`.
READINGS = {
    "the last map, all of it": "hardtanh_42",
    "its middle": "mean_5",
    "middle after block 21": "mean_3",
    "middle after block 20": "mean_2",
    "middle after block 15": "mean_1",
    "`shelf`, with its map": "embeddings",
}
JOINED = {
    "last map and block 21": ("its middle", "middle after block 21"),
    "blocks 21 and 15": ("middle after block 21", "middle after block 15"),
}
TAKEN = "middle after block 21"


def read(data: Dataset) -> dict[str, Floats]:
    """Unit vectors of each reading, float32 [M, D], by the very graph that ships."""
    pack = load_pack("shelf")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    names = list(READINGS.values())
    model = with_outputs(pack.model(), [name for name in names if name != "embeddings"])
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: dict[str, list[Floats]] = {reading: [] for reading in READINGS}
    for start in range(0, len(data), CHUNK):
        pictures = list(data.images[start : start + CHUNK])
        answers = session.run(names, {"images": prepare_batch(pictures, pack.card.preprocessing)})
        for reading, answer in zip(READINGS, answers, strict=True):
            found[reading].append(unit(answer.mean((2, 3)) if answer.ndim == 4 else answer))
    vectors = {reading: np.concatenate(parts) for reading, parts in found.items()}
    for name, parts in JOINED.items():
        vectors[name] = unit(np.concatenate([vectors[part] for part in parts], axis=1))
    return vectors


def one_shot(vectors: Floats, index: NDArray[np.int64], classes: NDArray[np.int64]) -> Any:
    """Right answers in percent, with an interval over the kinds that are asked about."""
    rng, way = np.random.default_rng(0), min(WAY, len(classes))
    rows = {c: np.flatnonzero(index == c) for c in classes.tolist()}
    right, asked = np.zeros(index.max() + 1), np.zeros(index.max() + 1)
    for _ in range(DRAWS):
        drawn = rng.permutation(classes)[:way]
        chosen = np.array([rng.permutation(rows[c])[: 1 + ASKED] for c in drawn.tolist()])
        named = (vectors[chosen[:, 1:]] @ vectors[chosen[:, 0]].T).argmax(axis=2)
        right[drawn] += (named == np.arange(way)[:, None]).sum(axis=1)
        asked[drawn] += ASKED
    return share(right[classes], asked[classes]).to_json()


def halves(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.random.default_rng(SEED).permutation(count)
    return order[: count // 2], order[count // 2 :]


def score(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What is reported of `objects`, for its card."""
    (row,) = (
        row
        for row in rows
        if (row["data"], row["part"], row["taken"]) == ("things", "reported", True)
    )
    right = row["right"]["value"]
    low, high = row["right"]["ci95"]
    return {
        "protocol": "kinds of things that chose nothing and are not in the cohort; many are among "
        "ImageNet's",
        "data": "Caltech-101",
        "n_way": WAY,
        "k_shot": 1,
        "n_query": ASKED,
        "episodes": DRAWS,
        "accuracy": round(100 * right, 4),
        "ci95": round(50 * (high - low), 4),
        "error_percent": round(100 - 100 * right, 4),
        "date": today(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, help="folder that keeps the vectors")
    parser.add_argument("--card", type=Path, help="folder of the pack whose card gets the score")
    options = parser.parse_args()
    rows = list[dict[str, Any]]()
    sets = {
        "things": few(things()),
        "steel": few(load_dataset("neu")),
        "products": few(load_dataset("grocery-test"), 1 + ASKED),
    }
    for name, data in sets.items():
        file = options.features and options.features / f"{name}.npz"
        vectors = kept(file, partial(read, data))
        count = len(data.class_names)
        first, second = halves(count)
        if name == "steel":
            first, second = np.arange(3), np.arange(3, 6)
        for reading, of_it in vectors.items():
            if name == "products" and "shelf" in reading:
                continue  # its map has seen half of them
            for part, classes in (("chosen on", first), ("reported", second)):
                row = {
                    "data": name,
                    "reading": reading,
                    "taken": reading == TAKEN,
                    "numbers": of_it.shape[1],
                    "part": part,
                    "kinds": len(classes),
                    "right": one_shot(of_it, data.class_index, classes),
                }
                rows.append(row)
                print(row, flush=True)
    if options.card:
        add_scores(options.card, [score(rows)])
    result = {"command": "python experiments/things.py", "draws": DRAWS, "rows": rows}
    keep("things", result)


if __name__ == "__main__":
    main()
