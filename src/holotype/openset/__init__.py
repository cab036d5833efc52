"""The open-set decision, on arrays: from a cohort of impostors to match, unknown, cannot tell.

It needs numpy alone, and works with unit vectors of any origin. The terms FPIR and FMR are those
of ISO/IEC 19795-1.
"""

from holotype.openset.cohort import Cohort
from holotype.openset.evidence import Evidence, Threshold
from holotype.openset.impostors import ImpostorScores
from holotype.openset.matcher import Matcher, Matches
from holotype.openset.model import CohortModel
from holotype.openset.novelty import Novelty
from holotype.openset.probability import MatchProbability
from holotype.openset.rates import parse_rate
from holotype.openset.site import Impostors
from holotype.openset.threshold import smallest_rate, threshold

__all__ = [
    "Cohort",
    "CohortModel",
    "Evidence",
    "ImpostorScores",
    "Impostors",
    "MatchProbability",
    "Matcher",
    "Matches",
    "Novelty",
    "Threshold",
    "parse_rate",
    "smallest_rate",
    "threshold",
]
