"""Any methods, runs and model packs on equal terms: the very same episodes for all."""

from holotype.comparison.grid import compare
from holotype.comparison.outcome import Outcome
from holotype.comparison.pace import Progress

__all__ = ["Outcome", "Progress", "compare"]
