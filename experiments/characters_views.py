"""How many views of a picture the pack `characters` needs.

    HOLOTYPE_DATA=... python experiments/characters_views.py

The shipped network with some of the views that it averages, and nothing trained anew: accuracy on
the cohort's characters, which trained nothing, as they are (20-way) and in rasters of 8 x 8 pixels
with strokes of any width (10-way), one example each, ten drawings of a character. Beside it the CPU
time of a picture, as a share of that with all seven. For choosing: no test set is opened. Writes
results/characters_views.json; about two minutes on one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.utils import Extractor
from torch.nn import functional as F

from characters_head import Floats, coarse, per_episode
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.stats.half_width import half_width
from holotype.stats.scoring import unit
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.recipes import RECIPES
from holotype.train.test_time_augmentation import WIDE
from tabling import keep

# The picture itself, turned both ways, drawn smaller, larger, and slanted both ways.
ALL = tuple(range(len(WIDE) + 1))
CHOICES = {
    "all seven, as shipped": ALL,
    "the picture and both turned": (0, 1, 2),
    "both turned": (1, 2),
    "both slanted": (5, 6),
    "smaller and larger": (3, 4),
    "the picture": (0,),
}
DRAWINGS, ROUNDS = 10, 5


class Network:
    """The shipped graph cut in two: what a view passes through, and what follows their mean."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(path)
        of_kind: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            of_kind.setdefault(node.op_type, []).append(node)
        first, project, head = of_kind["Conv"][0], *of_kind["Gemm"]
        trunk = Extractor(model).extract_model([first.input[0]], [project.output[0]])
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(
            trunk.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.input = first.input[0]
        held = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        cast = {node.output[0]: node.input[0] for node in of_kind["Cast"]}
        self.matrix, self.bias = (held[cast.get(name, name)] for name in head.input[1:])

    def of_views(self, views: Floats) -> Floats:
        """Pictures float32 [B, 1, S, S] -> unit vectors [B, D]."""
        return unit(self.session.run(None, {self.input: views})[0])

    def joined(self, vectors: Floats) -> Floats:
        """Unit vectors of views float32 [M, V, D] -> the pack's embedding [M, D]."""
        return unit(unit(vectors.sum(1)) @ self.matrix.T.astype(np.float32) + self.bias)


def views(pictures: Floats) -> Floats:
    """All seven of each picture: float32 [B, 1, S, S] -> [B, 7, 1, S, S]."""
    images = torch.from_numpy(pictures)
    shape = [len(WIDE), *images.shape[1:]]
    grids = F.affine_grid(torch.tensor([view.theta() for view in WIDE]), shape, align_corners=False)
    stacked = images.reshape(1, -1, *images.shape[2:]).repeat(len(WIDE), 1, 1, 1)
    changed = F.grid_sample(stacked, grids, align_corners=False)
    whole = torch.cat([images[None], changed.reshape(len(WIDE), *images.shape)])
    return np.ascontiguousarray(whole.transpose(0, 1).numpy())


def embedded(network: Network, pictures: Floats) -> Floats:
    """float32 [M, 1, S, S] -> unit vectors of the views [M, 7, D]."""
    result = []
    for start in range(0, len(pictures), 16):
        seen = views(pictures[start : start + 16])
        vectors = network.of_views(seen.reshape(-1, *seen.shape[2:]))
        result.append(vectors.reshape(*seen.shape[:2], -1))
    return np.concatenate(result)


def seconds(work: Callable[[], object]) -> float:
    """The least CPU seconds of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def few(cohort: Dataset) -> Dataset:
    number = np.arange(len(cohort)) - np.searchsorted(cohort.class_index, cohort.class_index)
    rows: NDArray[np.int64] = np.flatnonzero(number < DRAWINGS)
    return replace(cohort, images=cohort.images[:][rows], class_index=cohort.class_index[rows])


def main() -> None:
    torch.set_num_threads(1)
    pack = load_pack("characters")
    network = Network(pack.path / "model.onnx")
    recipe = cast(PictureRecipe, RECIPES["prototypical"]["characters"])
    cohort = few(recipe.kept(load_dataset("omniglot"), 0)[1])
    drawings = np.asarray(cohort.images)
    shown = {
        "as they are": prepare_batch(list(drawings), recipe.preprocessing),
        "8 x 8": coarse(drawings, recipe.preprocessing),
    }
    one = views(shown["as they are"][:1])[0]
    cost = {
        name: seconds(lambda chosen=chosen: network.of_views(one[list(chosen)]))
        for name, chosen in CHOICES.items()
    }
    vectors = {}
    for kind, pictures in shown.items():
        vectors[kind] = embedded(network, pictures)
        print(f"embedded {len(pictures):,} pictures, {kind}", flush=True)
    rows = []
    first: dict[str, NDArray[np.float64]] = {}
    for name, chosen in CHOICES.items():
        row: dict[str, object] = {"views": name, "passes": len(chosen)}
        row["cpu_to_seven"] = round(cost[name] / cost["all seven, as shipped"], 3)
        for kind, seen in vectors.items():
            n_way = 20 if kind == "as they are" else 10
            found = per_episode(network.joined(seen[:, list(chosen)]), cohort, n_way)
            gain = found - first.setdefault(kind, found)
            row[kind] = {
                "accuracy": round(float(found.mean()), 2),
                "gain": round(float(gain.mean()), 2),
                "ci95": round(float(half_width(gain)), 2),
            }
        rows.append(row)
        print(row, flush=True)
    result = {
        "command": "python experiments/characters_views.py",
        "model_id": pack.card.model_id,
        "rows": rows,
    }
    keep("characters_views", result)


if __name__ == "__main__":
    main()
