"""How well the background prepared the model for an input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.openset.cohort import Cohort
from holotype.stats.scoring import Floats

_NEIGHBORS = 5
_CHUNK_ROWS = 1024


class Novelty:
    """How near an input lies to what the model learned from, beside how near impostors do.

    Args:
        background: float32 unit [B, D], the prototypes of the classes that trained the model.
        cohort: classes that did not; the distances of training classes themselves are too small.
    """

    def __init__(self, background: Floats, cohort: Cohort) -> None:
        self._background = background
        self._known = np.sort(self._nearness(cohort.embeddings))  # [M]

    def p_value(self, embeddings: Floats) -> NDArray[np.float64]:
        """How often a character that the model never saw lies as far off, or farther.

        A conformal p-value (Vovk, Gammerman and Shafer 2005, chapter 2): an input drawn like the
        cohort gets one of at most p with a probability of at most p.

        Args:
            embeddings: float32 unit [B, D].

        Returns:
            float64 [B] in (0, 1]; small means unlike anything that the model was prepared for.
        """
        as_far = np.searchsorted(self._known, self._nearness(embeddings), side="right")
        return (1 + as_far) / (1 + len(self._known))

    def _nearness(self, embeddings: Floats) -> Floats:
        """Mean similarity to the nearest prototypes: float32 [B]."""
        nearest = min(_NEIGHBORS, len(self._background))
        if not nearest:  # nothing is known of what prepared the model, so nothing is unlike it
            return np.zeros(len(embeddings), dtype=np.float32)
        result = np.empty(len(embeddings), dtype=np.float32)
        for start in range(0, len(embeddings), _CHUNK_ROWS):
            similarity = embeddings[start : start + _CHUNK_ROWS] @ self._background.T
            top = np.partition(similarity, -nearest, axis=1)[:, -nearest:]
            result[start : start + _CHUNK_ROWS] = top.mean(axis=1)
        return result
