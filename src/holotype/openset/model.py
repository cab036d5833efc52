"""What a model brings to every gallery: its cohort, and what can be fitted to it beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holotype.openset.cohort import Cohort
from holotype.openset.novelty import Novelty
from holotype.openset.probability import MatchProbability
from holotype.stats.scoring import Floats


@dataclass(frozen=True, eq=False)
class CohortModel:
    """Made once for a model by `of`; shared by all of its galleries."""

    cohort: Cohort
    matching: MatchProbability | None  # None: no class of the cohort has two items
    novelty: Novelty
    default: float | None = None  # similarity accepted where no rate can be kept

    @classmethod
    def of(
        cls, cohort: Cohort, background: Floats | None = None, default: float | None = None
    ) -> CohortModel:
        """Fit what the cohort shows.

        Args:
            cohort: classes that neither trained nor selected the model; it may be empty.
            background: float32 unit [B, D], the prototypes of what trained the model; None where
                they are not known, and nothing is novel.
            default: the similarity that is accepted where the impostors are too few for a stated
                rate. None: such rates are refused.
        """
        if background is None:
            background = np.empty((0, cohort.embeddings.shape[1]), np.float32)
        return cls(cohort, MatchProbability.fit(cohort), Novelty(background, cohort), default)
