"""What a recipe is: a learner, what it learns from, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from holotype.records import OnProgress
from holotype.train.learner import Learner
from holotype.train.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that `train` needs besides the settings."""

    learner: Learner[Any]  # freshly initialized
    batches: Callable[[int], Any]  # step -> batch, a pure function of the step
    validate: Callable[[Any], float] | None  # learner in evaluation mode -> figure; None: none


class Recipe(Protocol):
    """A named way to train one learner."""

    @property
    def description(self) -> str:
        """One sentence."""

    @property
    def settings(self) -> TrainingSettings:
        """Those of the training loop; the seed is put in by the run."""

    def prepare(self, data: str, seed: int, preparing: OnProgress | None = None) -> Prepared:
        """Read the data and build the learner, both as the seed says.

        Args:
            data: what the recipe learns from, as the user names it.
            seed: of the initial weights and of every batch.
            preparing: called while data are prepared.

        Raises:
            DataError: the data cannot be read or do not fit the recipe.
        """
