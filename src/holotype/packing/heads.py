"""Closed-form heads for an encoder that others made, and which of them serves classes unseen.

A head is an affine map of unit vectors, solved from some classes of a folder: what differs inside
classes counts less (within-class covariance normalization), perhaps along the directions alone in
which classes differ (linear discriminants). Whether one helps is asked of classes that it was not
solved from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from holotype.model.graph import read_graph
from holotype.model.wiring import Wiring, rewired, unused
from holotype.stats.scoring import Floats, unit
from holotype.stats.whitening import Doubles, Spread

_FOLDS = 3
_REFERENCES = 5  # how often another picture of each class is the one that is enrolled
# In means of the eigenvalues of the covariance inside classes: from nearly none to most of it.
_SHRINKAGES = (10.0, 1.0, 0.1, 0.01)
_DIMENSIONS = (None, 128, 64, 32)
# On classes that had no part in choosing a head, it must not be worse by so many standard errors
# over classes, or the bare encoder stays.
_SURE = 2.0


@dataclass(frozen=True, slots=True)
class Kind:
    """How a head is solved."""

    shrinkage: float
    dimensions: int | None  # of linear discriminants; None: all of the encoder's

    @property
    def name(self) -> str:
        """In words."""
        kept = "" if self.dimensions is None else f", {self.dimensions} discriminants"
        return f"whitened inside classes, shrinkage {self.shrinkage:g}{kept}"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """An affine map: unit (x - mean) @ matrix."""

    mean: Doubles  # [D]
    matrix: Doubles  # [D, K]

    def __call__(self, vectors: Floats) -> Floats:
        """Float32 unit [M, D] -> float32 unit [M, K]."""
        return unit((vectors - self.mean) @ self.matrix)

    @property
    def shape(self) -> tuple[int, ...]:
        """D and K."""
        return self.matrix.shape

    def wired(self, wiring: Wiring, value: str, output: str) -> None:
        """The same as operators; see `Map`."""
        value = wiring.add("Sub", value, wiring.constant(self.mean.astype(np.float32)))
        matrix = wiring.constant(self.matrix.astype(np.float32))
        wiring.add("MatMul", value, matrix, output=output)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a kind of head did on classes that it was not solved from."""

    name: str
    accuracy: float  # from one example, percent
    difference: float  # from the bare encoder's, points
    error: float  # standard error of that over classes, points

    @property
    def helps(self) -> bool:
        """Whether it is better, by however little: few classes cannot prove what most heads do."""
        return self.difference > 0

    @property
    def harms(self) -> bool:
        """Whether it is worse by more than chance."""
        return self.difference < -_SURE * self.error


def fit(vectors: Floats, class_index: NDArray[np.int64], kind: Kind) -> Head:
    """The head of a kind for these classes.

    Args:
        vectors: float32 unit [M, D].
        class_index: int64 [M] in 0..C-1, each of which occurs.
        kind: how it is solved.
    """
    return _solved(Spread.of(vectors, class_index), kind)


def _solved(spread: Spread, kind: Kind) -> Head:
    matrix = spread.whitening(kind.shrinkage)
    if kind.dimensions is not None:
        matrix = matrix @ spread.class_axes(matrix, kind.dimensions)
    return Head(spread.mean, matrix)


def chosen_head(
    vectors: Floats, class_index: NDArray[np.int64], seed: int
) -> tuple[Head | None, list[Tried]]:
    """The head that serves classes unseen best; None where the bare encoder is as good.

    Args:
        vectors: float32 unit [M, D] of the bare encoder.
        class_index: int64 [M] in 0..C-1, three classes or more, and two or more of each.
        seed: how the classes are divided, and which examples are enrolled.

    Returns:
        The head of all C classes, and what was tried, best first.
    """
    tried = try_kinds(vectors, class_index, seed)
    best = next(iter(tried))
    head = fit(vectors, class_index, best) if tried[best].helps else None
    return head, list(tried.values())


def try_kinds(vectors: Floats, class_index: NDArray[np.int64], seed: int) -> dict[Kind, Tried]:
    """What each kind of head does for classes that it was not solved from, best first.

    A third of the classes is held back in turn, and named among one another from one example each;
    of fewer than six classes two at a time are.

    Args:
        vectors: as for `chosen_head`.
        class_index: likewise.
        seed: likewise.
    """
    classes, dim = int(class_index.max()) + 1, vectors.shape[1]
    order = np.random.default_rng(seed).permutation(classes)
    folds = np.array_split(order, _FOLDS)
    if classes < 2 * _FOLDS:
        folds = [order.take(range(at, at + 2), mode="wrap") for at in range(classes)]
    fewest = classes - max(map(len, folds))  # that a head is solved from
    kinds = [
        Kind(shrinkage, dimensions)
        for dimensions in _DIMENSIONS
        for shrinkage in _SHRINKAGES
        if dimensions is None or dimensions < min(dim, fewest)
    ]
    # All that is compared lies where the pictures do, which may be few dimensions of many.
    vectors = vectors @ np.linalg.svd(vectors, full_matrices=False)[2].T
    bare, found = np.zeros(classes), {kind: np.zeros(classes) for kind in kinds}
    for held_back in map(np.sort, folds):
        asked = np.isin(class_index, held_back)
        known = np.setdiff1d(order, held_back)
        learned = np.searchsorted(known, class_index[~asked])
        index = np.searchsorted(held_back, class_index[asked])
        bare[held_back] += one_shot(vectors[asked], index, seed)
        spread = Spread.of(vectors[~asked], learned, dim=dim)
        for kind in kinds:
            head = _solved(spread, kind)
            found[kind][held_back] += one_shot(head(vectors[asked]), index, seed)
    times = np.bincount(np.concatenate(folds))
    tried = {
        kind: compared(kind.name, accuracy / times, bare / times)
        for kind, accuracy in found.items()
    }
    return dict(sorted(tried.items(), key=lambda one: -one[1].accuracy))


def compared(name: str, accuracy: NDArray[np.float64], bare: NDArray[np.float64]) -> Tried:
    """Accuracies of the same classes side by side: float64 [C] in [0, 1] each."""
    apart = accuracy - bare
    error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else float("inf")
    return Tried(name, 100 * float(accuracy.mean()), 100 * float(apart.mean()), 100 * error)


def one_shot(vectors: Floats, class_index: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """How often a picture of each class is nearest to the one example of its own class.

    Args:
        vectors: float32 unit [M, D].
        class_index: int64 [M] in 0..C-1, two or more of each.
        seed: which examples are enrolled.

    Returns:
        float64 [C] in [0, 1], the mean over draws of the examples.
    """
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(class_index == c)) for c in range(class_index.max() + 1)]
    right = np.zeros(len(rows))
    draws = min(_REFERENCES, min(map(len, rows)))
    for draw in range(draws):
        enrolled = np.array([of_class[draw] for of_class in rows])
        asked = np.setdiff1d(np.arange(len(vectors)), enrolled)
        named = (vectors[asked] @ vectors[enrolled].T).argmax(axis=1)
        hits = np.bincount(class_index[asked], named == class_index[asked], len(rows))
        right += hits / np.bincount(class_index[asked], minlength=len(rows))
    return right / draws


class Map(Protocol):
    """What is made of unit vectors [M, D] -> [M, K], solved and then a part of a graph."""

    @property
    def shape(self) -> tuple[int, ...]:
        """D and K."""

    def __call__(self, vectors: Floats) -> Floats:
        """Float32 unit [M, D] -> float32 unit [M, K]."""

    def wired(self, wiring: Wiring, value: str, output: str) -> None:
        """The same as operators, but for the length of what comes out.

        Args:
            wiring: what they are added to.
            value: the unit vectors, by name.
            output: the name of what is made of them.
        """


def with_head(model: bytes, head: Map) -> bytes:
    """A pack's model that gives what the head makes of its unit vectors, as one graph.

    Args:
        model: the ONNX file, which `read_graph` accepts; it gives [batch, D] or [batch, D, 1, 1].
        head: for D dimensions.
    """
    graph = read_graph(model)
    (output,) = graph.outputs
    dim, kept = head.shape
    before, after = (Wiring(graph.opset, unused(graph, name)) for name in ("before.", "head."))
    value = after.add("Reshape", output, after.constant(np.array([0, dim], np.int64)))
    name = unused(graph, "adapted")
    head.wired(after, after.add("LpNormalization", value, axis=1, p=2), name)
    batches = [one.dims[0] for one in graph.inputs if one.dims]
    fixed: Sequence[int] = [size for size in batches if isinstance(size, int)]
    return rewired(
        model,
        before=before,
        after=after,
        inputs=graph.inputs,
        output=name,
        dims=(fixed[0] if fixed else "batch", kept),
    )
