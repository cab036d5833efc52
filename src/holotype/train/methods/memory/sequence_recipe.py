"""How a learner of sequence tasks is trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from holotype.records import OnProgress
from holotype.train.methods.memory.sequence_learner import SequenceLearner, mean_bits
from holotype.train.methods.memory.sequences import SequenceBatch, SequenceTask, find_task
from holotype.train.recipe import Prepared
from holotype.train.settings import TrainingSettings

# In which the largest difficulty rises to the task's. Not slower: with 2,400 steps the LSTM of the
# controller learned to hold short sequences itself, and never came to use the memory.
_GROWING_STEPS = 600
_VALIDATION = 64  # sequences of the largest difficulty


@dataclass(frozen=True, slots=True)
class SequenceRecipe:
    """A named way to train one learner on a sequence task."""

    build: Callable[[int, int], SequenceLearner]  # (inputs, outputs) -> untrained learner
    description: str
    settings: TrainingSettings
    sequences: int = 16  # in a batch

    def learner(self, data: str, seed: int) -> SequenceLearner:
        """A fresh learner for the task named `data`.

        Raises:
            DataError: there is no such task.
        """
        task = find_task(data)
        torch.manual_seed(seed)
        return self.build(task.input_width, task.output_width)

    def prepare(self, data: str, seed: int, preparing: OnProgress | None = None) -> Prepared:
        """Name the task and build the learner; see `Recipe`."""
        task = find_task(data)

        def batches(step: int) -> SequenceBatch:
            rng = np.random.default_rng((seed, step))
            return task(rng, self.sequences, _difficulty(task, rng, step))

        def validate(learner: SequenceLearner) -> float:
            return mean_bits(learner, task, task.trained[1], _VALIDATION)

        return Prepared(self.learner(data, seed), batches, validate)


def _difficulty(task: SequenceTask, rng: np.random.Generator, step: int) -> int:
    """Drawn from the task's range, whose upper end rises at first: short sequences teach sooner."""
    low, high = task.trained
    top = low + (high - low) * min(1.0, step / _GROWING_STEPS)
    return int(rng.integers(low, math.floor(top) + 1))


SETTINGS = TrainingSettings(
    steps=10000, learning_rate=3e-3, schedule="halving", halve_every=5000, validate_every=500
)
