"""The cohort: classes that nobody enrolled, the impostors that can be had beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holotype.forking import cached_property
from holotype.openset.related import RelatedClasses
from holotype.stats.scoring import Floats


@dataclass(frozen=True, eq=False)
class Cohort:
    """Embeddings of classes that are strangers to everybody enrolled."""

    embeddings: Floats  # [M, D] unit
    class_index: NDArray[np.int64]  # [M]; equal numbers are one class
    _related: dict[int, RelatedClasses] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.embeddings)

    @cached_property
    def classes(self) -> int:
        """How many classes there are."""
        return len(np.unique(self.class_index))

    def related(self, examples: int) -> RelatedClasses:
        """How alike the classes are to one another when each shows so many examples; cached."""
        if examples not in self._related:
            self._related[examples] = RelatedClasses.of(self.embeddings, self.class_index, examples)
        return self._related[examples]

    @staticmethod
    def none(dim: int) -> Cohort:
        """A cohort of nobody, of embeddings with `dim` numbers."""
        return Cohort(np.empty((0, dim), np.float32), np.empty(0, np.int64))
