"""The cohort: classes that nobody enrolled, and how alike they are to one another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holotype.scoring import Floats, unit

# Columns of a kinship table: more classes than this tell no more, and cost memory.
_MAX_CLASSES = 256
# Kin are found among the most alike pairs: this share of pairs of cohort classes counts as kin.
KIN_SHARE = 0.005


@dataclass(frozen=True, eq=False)
class Cohort:
    """Embeddings of classes that are strangers to everybody enrolled."""

    embeddings: Floats  # [M, D] unit
    class_index: NDArray[np.int64]  # [M]; equal numbers are one class
    _kinship: dict[int, Kinship] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.embeddings)

    def kinship(self, examples: int) -> Kinship:
        """How alike the classes are to one another when each shows so many examples; cached."""
        if examples not in self._kinship:
            self._kinship[examples] = _kinship(self, examples)
        return self._kinship[examples]


@dataclass(frozen=True, slots=True, eq=False)
class Kinship:
    """The cohort's classes enrolled against one another."""

    prototypes: Floats  # [C, D] unit, of some examples of each class
    others: Floats  # [M, C + 1] of each item to the other classes, best first, then -inf: nobody
    count: NDArray[np.int64]  # [M] how many of the C are not its own
    kin_similarity: float  # reached by `KIN_SHARE` of the pairs of prototypes


def _kinship(cohort: Cohort, examples: int) -> Kinship:
    rng = np.random.default_rng(0)
    classes, member = np.unique(cohort.class_index, return_inverse=True)
    chosen = np.sort(rng.permutation(len(classes))[:_MAX_CLASSES])
    # The first so many items of each class in a random order.
    order = rng.permutation(len(cohort))
    order = order[np.argsort(member[order], kind="stable")]
    starts = np.searchsorted(member[order], np.arange(len(classes) + 1))
    prototypes = unit(
        np.stack(
            [
                cohort.embeddings[order[starts[c] : min(starts[c] + examples, starts[c + 1])]].mean(
                    axis=0
                )
                for c in chosen
            ]
        )
    )
    similarity = cohort.embeddings @ prototypes.T
    own = member[:, None] == chosen
    similarity[own] = -np.inf
    # Not every item has a class of its own among the chosen: nobody needs a place of its own.
    others = np.pad(-np.sort(-similarity, axis=1), ((0, 0), (0, 1)), constant_values=-np.inf)
    pairs = (prototypes @ prototypes.T)[np.triu_indices(len(chosen), 1)]
    return Kinship(
        prototypes=prototypes,
        others=others,
        count=len(chosen) - own.sum(axis=1),
        kin_similarity=float(np.quantile(pairs, 1 - KIN_SHARE)) if len(pairs) else np.inf,
    )
