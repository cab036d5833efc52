"""The pack `shelf`: a product in a photograph, told from its catalogue picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from torch import nn

from holotype.datasets.dataset import Dataset
from holotype.embedder import Embedder
from holotype.image.prepare import ImageSource, prepare_batch
from holotype.model import self_test
from holotype.pack import Pack, write_pack
from holotype.preprocessing import Preprocessing
from holotype.stats.scoring import group_prototypes, unit
from holotype.stats.whitening import fit_whitening, principal_axes
from holotype.train.efficientnet import SIDE_PX, EfficientNetLite, ShelfFeatures, columns
from holotype.train.export import export_onnx, halved
from holotype.train.whitening_layer import Whitening

# The side and the tones, (x - 127) / 128 of 0..255, with which those evaluated the weights who
# trained them. They also cut to the largest square and 5.5 % off each of its borders; on `train`
# photographs of Grocery the whole picture serves better, so nothing is cut off here.
PREPROCESSING = Preprocessing(
    "photo", SIDE_PX, 0, 3, "stretch", mean=(127 / 255,) * 3, std=(128 / 255,) * 3
)
DIMENSIONS = 256
# What a head is chosen from: what it reads of the network, and how far it is shrunk.
READINGS: tuple[tuple[str, ...], ...] = (
    ("middle",),
    ("middle", "block 21"),
    ("middle", "block 21", "block 20", "block 15", "block 11"),
)
SHRINKAGES = (0.1, 0.3, 1.0, 3.0)
COHORT_EACH = 20  # photographs of each product of the cohort that the pack carries
_CHUNK = 16
_INNER_FOLDS = 3

Features = Callable[[Sequence[ImageSource]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Head:
    """An affine map of some of a network's features."""

    parts: tuple[str, ...]  # of `PARTS`
    shrinkage: float | None  # None where nothing was whitened
    mean: NDArray[np.float64]  # [F], F being the length of the parts
    matrix: NDArray[np.float64]  # [F, D]


def features_of(network: nn.Module) -> Features:
    """A network for pictures as `PREPROCESSING` makes them, run on one thread of ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    side = PREPROCESSING.size_px
    session = onnxruntime.InferenceSession(
        export_onnx(network, (3, side, side)), options, providers=["CPUExecutionProvider"]
    )

    def run(pictures: Sequence[ImageSource]) -> NDArray[np.float32]:
        chunks = [pictures[i : i + _CHUNK] for i in range(0, len(pictures), _CHUNK)]
        return np.concatenate(
            [session.run(None, {"images": prepare_batch(c, PREPROCESSING)})[0] for c in chunks]
        )

    return run


def chosen_head(
    photographs: NDArray[np.float32],
    class_index: NDArray[np.int64],
    references: NDArray[np.float32],
) -> Head:
    """The head for these products, of the kind that serves products it did not see.

    A third of the products is held back in turn; their photographs are named among the reference
    pictures of all, with each reading and each shrinkage.

    Args:
        photographs: float32 [M, F], all `PARTS`.
        class_index: int64 [M] in 0..C-1.
        references: float32 [C, F], all `PARTS`.

    Returns:
        The head of all C products.
    """
    right: dict[tuple[tuple[str, ...], float], int] = {}
    reduced = {parts: _reduced(parts, photographs, class_index, references) for parts in READINGS}
    for parts, (_, _, near, far) in reduced.items():
        order = np.random.default_rng(0).permutation(len(references))
        for held_back in np.array_split(order, _INNER_FOLDS):
            known = np.setdiff1d(order, held_back)
            asked = np.isin(class_index, held_back)
            index = np.searchsorted(known, class_index[~asked])
            for shrinkage in SHRINKAGES:
                head = fit_whitening(near[~asked], index, far[known], shrinkage=shrinkage)
                named = (_mapped(near[asked], *head) @ _mapped(far, *head).T).argmax(1)
                hits = int((named == class_index[asked]).sum())
                right[parts, shrinkage] = right.get((parts, shrinkage), 0) + hits
    parts, shrinkage = max(right, key=right.__getitem__)
    center, axes, near, far = reduced[parts]
    mean, matrix = fit_whitening(near, class_index, far, shrinkage=shrinkage)
    return Head(parts, shrinkage, center + axes @ mean, axes @ matrix)


def embedded(features: NDArray[np.floating], head: Head) -> NDArray[np.float32]:
    """Float32 [M, F] of all `PARTS` -> unit vectors float32 [M, D]."""
    return _mapped(features[:, columns(head.parts)], head.mean, head.matrix)


def _mapped(
    features: NDArray[np.floating], mean: NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float32]:
    return unit(((features - mean) @ matrix).astype(np.float32))


def _reduced(
    parts: tuple[str, ...],
    photographs: NDArray[np.float32],
    class_index: NDArray[np.int64],
    references: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Center and axes of these parts of the photographs, and both sources along the axes."""
    photographs, references = photographs[:, columns(parts)], references[:, columns(parts)]
    center, axes = principal_axes(photographs, class_index, DIMENSIONS)
    return center, axes, (photographs - center) @ axes, (references - center) @ axes


def write_shelf(
    out: Path,
    *,
    network: EfficientNetLite,
    head: Head,
    learned_from: Dataset,
    cohort: Dataset,
    training: Mapping[str, Any],
) -> Pack:
    """Write the pack.

    Args:
        out: the folder to make.
        network: the network with its weights.
        head: from `chosen_head`, of the products of `learned_from`.
        learned_from: photographs of the products that made the head.
        cohort: photographs of products that did not.
        training: command, seed, versions.

    Raises:
        PackError: the folder exists, or cannot be written.
    """
    model = halved(
        export_onnx(
            nn.Sequential(
                ShelfFeatures(network, head.parts), Whitening(head.mean, head.matrix)
            ).eval(),
            (3, PREPROCESSING.size_px, PREPROCESSING.size_px),
        )
    )
    few = _first_of_each(cohort)

    def write(
        path: Path,
        vectors: NDArray[Any],
        prototypes: NDArray[Any],
        test: NDArray[np.float32] | None = None,
    ) -> Pack:
        return write_pack(
            path,
            name="shelf",
            model=model,
            preprocessing=PREPROCESSING,
            embeddings=vectors.astype(np.float16),
            class_index=cohort.class_index[few],
            prototypes=prototypes.astype(np.float16),
            cohort={"data": cohort.name, "class_names": list(cohort.class_names)},
            background={"data": learned_from.name, "class_names": list(learned_from.class_names)},
            training=training,
            license="Apache-2.0 (EfficientNet-Lite2 weights: ML Illustrated) AND MIT "
            "(Grocery Store Dataset: Marcus Klasson)",
            self_test=test,
        )

    with tempfile.TemporaryDirectory() as folder:
        # Any vectors make a pack that can be asked; the true ones are computed by it.
        any_one = np.eye(1, DIMENSIONS)
        draft = write(
            Path(folder) / "shelf",
            np.repeat(any_one, len(few), axis=0),
            np.repeat(any_one, len(learned_from.class_names), axis=0),
        )
        embedder = Embedder(draft)
        vectors = embedder.embed([cohort.images[row] for row in few])
        shown = _first_of_each(learned_from)
        prototypes = group_prototypes(
            embedder.embed([learned_from.images[row] for row in shown]),
            learned_from.class_index[shown],
            len(learned_from.class_names),
        )
        test = embedder.embed_made_up(self_test.COUNT)
    return write(out, vectors, prototypes, test)


def _first_of_each(dataset: Dataset) -> NDArray[np.int64]:
    rows = [
        np.flatnonzero(dataset.class_index == c)[:COHORT_EACH]
        for c in range(len(dataset.class_names))
    ]
    return np.concatenate(rows)
