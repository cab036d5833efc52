"""From a cohort of strangers to a decision: threshold, probability, familiarity.

The terms FPIR and FMR are those of ISO/IEC 19795-1.
"""

from holotype.calibration.cohort import Cohort
from holotype.calibration.draws import StrangerDraws
from holotype.calibration.familiarity import Familiarity
from holotype.calibration.own import GalleryDraws
from holotype.calibration.probability import MatchProbability
from holotype.calibration.rates import parse_rate
from holotype.calibration.threshold import smallest_rate, threshold

__all__ = [
    "Cohort",
    "Familiarity",
    "GalleryDraws",
    "MatchProbability",
    "StrangerDraws",
    "parse_rate",
    "smallest_rate",
    "threshold",
]
