"""Conditional Neural Processes (Garnelo et al. 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from holotype.train.methods.meta.networks import Perceptron
from holotype.train.methods.meta.points import PointLearner, PointTasks

_LEAST_DEVIATION = 0.1  # as the authors bound it, in units of the outputs


class ConditionalNeuralProcess(PointLearner):
    """Adapts without gradients: the points of a task are summed up in one vector.

    Each point is encoded, the mean of the codes stands for the task, and a decoder states a mean
    and a standard deviation at each query (eq. 2 to 4); trained by the log-likelihood (eq. 5).

    Args:
        inputs: I, inputs of the functions.
        outputs: O, their outputs.
        width: of the hidden layers and the code.
    """

    def __init__(self, inputs: int = 1, outputs: int = 1, width: int = 128) -> None:
        super().__init__()
        self.encoder = Perceptron((inputs + outputs, width, width, width))
        self.decoder = Perceptron((width + inputs, width, width, 2 * outputs))

    def loss(self, batch: PointTasks) -> Tensor:
        """Mean negative log-likelihood of the queries, in nats per output."""
        mean, deviation = self.predict(batch)
        apart = (batch.targets() - mean) / deviation
        return (0.5 * torch.square(apart) + deviation.log() + 0.5 * math.log(2 * math.pi)).mean()

    def predict(self, tasks: PointTasks) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation at the queries; see `PointLearner`."""
        code = self.encoder(torch.cat([tasks.x, tasks.y], 2)).mean(1, keepdim=True)
        asked = torch.cat([code.expand(-1, tasks.query_x.shape[1], -1), tasks.query_x], 2)
        mean, spread = self.decoder(asked).chunk(2, dim=2)
        return mean, _LEAST_DEVIATION + (1 - _LEAST_DEVIATION) * F.softplus(spread)
