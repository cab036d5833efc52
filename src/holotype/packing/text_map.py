"""Where a text lies among pictures: the classes whose names read alike vote with their pictures.

Of classes whose names are known and whose pictures were seen, those with the nearest texts are
averaged, the nearer the more (Nadaraya 1964; of classes, as in Changpinyo et al. 2016,
arXiv:1603.00550, section 3). No pair of a picture and a text of its own is needed. What was found
lies as far from the middle of the classes as these do on average: an average of some lies nearer,
and thresholds would have to be low for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.model.wiring import Wiring
from holotype.packing.heads import one_shot
from holotype.stats.scoring import Floats, group_prototypes, unit

# Of the difference of cosines that makes a text count e times less.
WIDTHS = (0.06, 0.1, 0.15, 0.25)
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class TextMap:
    """Vectors of texts -> vectors among pictures."""

    mean: Floats  # [T] of the texts of C classes
    texts: Floats  # [C, T] of unit length, from their mean
    width: float
    middle: Floats  # [D] of the classes
    away: Floats  # [C, D] the classes from their middle

    def __call__(self, vectors: Floats) -> Floats:
        """Float32 unit [M, T] -> float32 unit [M, D]."""
        near = unit(vectors - self.mean) @ self.texts.T / self.width
        weight = np.exp(near - near.max(axis=1, keepdims=True))
        found = unit(weight @ self.away)
        return unit(self.middle + self._far * found)

    @property
    def shape(self) -> tuple[int, ...]:
        """T and D."""
        return len(self.mean), len(self.middle)

    @property
    def _far(self) -> float:
        return float(np.linalg.norm(self.away, axis=1).mean())

    def wired(self, wiring: Wiring, value: str, output: str) -> None:
        """The same as operators; see `heads.Map`."""

        def constant(values: Floats) -> str:
            return wiring.constant(values.astype(np.float32))

        value = wiring.add("Sub", value, constant(self.mean))
        value = wiring.add("LpNormalization", value, axis=1, p=2)
        value = wiring.add("MatMul", value, constant(self.texts.T / self.width))
        value = wiring.add("MatMul", wiring.add("Softmax", value, axis=1), constant(self.away))
        value = wiring.add("LpNormalization", value, axis=1, p=2)
        value = wiring.add("Mul", value, wiring.number(self._far))
        wiring.add("Add", value, constant(self.middle), output=output)


def fit(texts: Floats, classes: Floats, width: float) -> TextMap:
    """The map of some classes.

    Args:
        texts: float32 unit [C, T], what each is called.
        classes: float32 unit [C, D], what each looks like.
        width: of the votes.
    """
    mean, middle = texts.mean(axis=0), classes.mean(axis=0)
    return TextMap(mean, unit(texts - mean), width, middle, classes - middle)


def chosen(
    texts: Floats, vectors: Floats, class_index: NDArray[np.int64], seed: int
) -> tuple[TextMap, dict[float, float]]:
    """The map whose width serves classes best that it was not made of.

    A fifth of the classes is left out in turn, and their pictures named among one another.

    Args:
        texts: float32 unit [C, T].
        vectors: float32 unit [M, D] of pictures.
        class_index: int64 [M] in 0..C-1, each of which occurs.
        seed: how the classes are divided.

    Returns:
        The map of all C classes; and by width the share named rightly, the best first.
    """
    classes = group_prototypes(vectors, class_index, len(texts))
    right = dict.fromkeys(WIDTHS, 0.0)
    for known, out in left_out(len(texts), seed):
        asked, index = of_classes(out, vectors, class_index)
        for width in WIDTHS:
            found = fit(texts[known], classes[known], width)(texts[out])
            right[width] += float(named(found, asked, index).sum()) / len(texts)
    tried = dict(sorted(right.items(), key=lambda one: -one[1]))
    return fit(texts, classes, next(iter(tried))), tried


def measured(
    texts: Floats, vectors: Floats, class_index: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a text is worth for classes that had no part in the map, nor in its width.

    Args:
        texts: as for `chosen`, and so the others.
        vectors: likewise; two or more of each class.
        class_index: likewise.
        seed: likewise.

    Returns:
        How often pictures of each class are named rightly among a fifth of the classes, by the
        texts of these, and by one picture of each: float64 [C] in [0, 1] both.
    """
    told, shown = np.zeros((2, len(texts)))
    for known, out in left_out(len(texts), seed):
        solved, _ = chosen(texts[known], *of_classes(known, vectors, class_index), seed)
        asked, index = of_classes(out, vectors, class_index)
        told[out] = named(solved(texts[out]), asked, index)
        shown[out] = one_shot(asked, index, seed)
    return told, shown


def left_out(classes: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The classes that are known and the fifth that is not, in turn: ascending."""
    order = np.random.default_rng(seed).permutation(classes)
    for out in (np.sort(order[fold::FOLDS]) for fold in range(FOLDS)):
        yield np.setdiff1d(order, out), out


def of_classes(
    some: NDArray[np.int64], vectors: Floats, class_index: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """The pictures of some classes, and which of these each shows."""
    rows = np.isin(class_index, some)
    return vectors[rows], np.searchsorted(some, class_index[rows])


def named(
    described: Floats, vectors: Floats, class_index: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How often a picture of each class is nearest to the description of its own.

    Args:
        described: float32 unit [C, D], where the texts of the classes lie.
        vectors: float32 unit [M, D] of pictures.
        class_index: int64 [M] in 0..C-1, each of which occurs.

    Returns:
        float64 [C] in [0, 1].
    """
    hits = (vectors @ described.T).argmax(axis=1) == class_index
    return np.bincount(class_index, hits) / np.bincount(class_index)
