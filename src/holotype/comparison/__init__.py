"""Any methods, runs and model packs on equal terms: the very same episodes for all."""

from holotype.comparison.eta import Progress
from holotype.comparison.grid import compare
from holotype.comparison.outcome import Outcome

__all__ = ["Outcome", "Progress", "compare"]
