"""Related classes: how alike classes of one origin are, seen inside the cohort.

The cohort comes from elsewhere (other alphabets, other families, other cameras), but whoever walks
in is often of the same origin as some who are enrolled. The cohort's own classes share origins as
well, and show how much more alike that makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.stats.scoring import Floats, unit

# The most alike pairs of cohort classes count as related: this share of all pairs.
RELATED_SHARE = 0.005
# Columns of the table: more classes than this tell no more, and cost memory.
_MAX_CLASSES = 256


@dataclass(frozen=True, slots=True, eq=False)
class RelatedClasses:
    """C of the cohort's classes enrolled against one another; made by `of`."""

    prototypes: Floats  # [C, D] unit, of some examples of each class
    others: Floats  # [M, C + 1] of each item to the other classes, best first, then -inf: nobody
    count: NDArray[np.int64]  # [M] how many of the C are not its own
    threshold: float  # similarity reached by `RELATED_SHARE` of the pairs of prototypes

    @classmethod
    def of(
        cls, embeddings: Floats, class_index: NDArray[np.int64], examples: int
    ) -> RelatedClasses:
        """Enroll the classes with so many examples each.

        Args:
            embeddings: float32 unit [M, D].
            class_index: int64 [M].
            examples: at least 1.
        """
        rng = np.random.default_rng(0)
        classes, member = np.unique(class_index, return_inverse=True)
        chosen = np.sort(rng.permutation(len(classes))[:_MAX_CLASSES])
        # The first so many items of each class in a random order.
        order = rng.permutation(len(embeddings))
        order = order[np.argsort(member[order], kind="stable")]
        starts = np.searchsorted(member[order], np.arange(len(classes) + 1))
        prototypes = unit(
            np.stack(
                [
                    embeddings[order[starts[c] : min(starts[c] + examples, starts[c + 1])]].mean(
                        axis=0
                    )
                    for c in chosen
                ]
            )
        )
        similarity = embeddings @ prototypes.T
        own = member[:, None] == chosen
        similarity[own] = -np.inf
        # Not every item has a class of its own among the chosen: nobody needs a place of its own.
        others = np.pad(-np.sort(-similarity, axis=1), ((0, 0), (0, 1)), constant_values=-np.inf)
        pairs = (prototypes @ prototypes.T)[np.triu_indices(len(chosen), 1)]
        return cls(
            prototypes=prototypes,
            others=others,
            count=len(chosen) - own.sum(axis=1),
            threshold=float(np.quantile(pairs, 1 - RELATED_SHARE)) if len(pairs) else np.inf,
        )
