"""The control: a long short-term memory network of the same size, and no memory beside it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from holotype.train.methods.memory.ntm import recipe_build
from holotype.train.methods.memory.sequence_learner import SequenceLearner
from holotype.train.methods.memory.sequence_recipe import SETTINGS, SequenceRecipe


class LSTM(SequenceLearner):
    """One layer of LSTM (Hochreiter and Schmidhuber 1997) and a linear output.

    Args:
        inputs: numbers per input vector.
        outputs: bits per output vector.
        hidden: width.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden)
        self.output = nn.Linear(hidden, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 [T, B, inputs] -> logits float32 [T, B, outputs]; see `SequenceLearner`."""
        logits: Tensor = self.output(self.lstm(inputs)[0])
        return logits


def width_for(parameters: int, inputs: int, outputs: int) -> int:
    """The narrowest `LSTM` with at least so many parameters."""
    # 4 h^2 + h (4 inputs + 8 + outputs) + outputs parameters at width h.
    linear = 4 * inputs + 8 + outputs
    return math.ceil((math.sqrt(linear**2 + 16 * (parameters - outputs)) - linear) / 8)


def _control(inputs: int, outputs: int) -> SequenceLearner:
    with torch.random.fork_rng(devices=[]):
        size = sum(value.numel() for value in recipe_build("lstm")(inputs, outputs).parameters())
    return LSTM(inputs, outputs, width_for(size, inputs, outputs))


RECIPES = {
    "lstm": {
        "plain": SequenceRecipe(
            _control, "the control: an LSTM as large as the Neural Turing Machine", SETTINGS
        )
    }
}
