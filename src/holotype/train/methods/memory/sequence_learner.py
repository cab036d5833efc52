"""What all learners of sequences of bits share: the loss, in bits."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from holotype.train.learner import Learner
from holotype.train.methods.memory.sequences import SequenceBatch, SequenceTask


class SequenceLearner(Learner[SequenceBatch]):
    """Reads a sequence step by step, and says a vector of bits at each."""

    clip_norm = 10.0

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 [T, B, I] -> logits of the bits, float32 [T, B, O]."""
        raise NotImplementedError

    def bits(self, batch: SequenceBatch) -> Tensor:
        """The cost of each sequence, in bits (Graves et al. 2014, figure 3): float32 [B].

        The sum over all scored bits of -log2 of the probability that was given to the truth.
        """
        logits = self(batch.inputs)[batch.scored]
        nats = F.binary_cross_entropy_with_logits(
            logits, batch.targets[batch.scored], reduction="none"
        )
        return nats.sum((0, 2)) / math.log(2)

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Mean bits per sequence."""
        return self.bits(batch).mean()


def mean_bits(
    learner: SequenceLearner, task: SequenceTask, difficulty: int, sequences: int
) -> float:
    """Mean cost in bits per sequence, on fixed sequences that no training step draws.

    Args:
        learner: trained, in evaluation mode.
        task: what it was trained on.
        difficulty: of all sequences, in or beyond the range that is trained on.
        sequences: how many.
    """
    # Three words of seed, where a training step has two.
    rng = np.random.default_rng((0, difficulty, 1))
    with torch.inference_mode():
        return float(learner.bits(task(rng, sequences, difficulty)).mean())
