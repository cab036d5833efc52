"""Gradient-based meta-learning of functions (Finn et al. 2017, section 5.1)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from holotype.train.methods.meta.adaptation import InnerLoop, Params, Rate, start_of
from holotype.train.methods.meta.layers import check_layers
from holotype.train.methods.meta.points import PointLearner, PointTasks


class RegressionMAML(PointLearner):
    """MAML on the squared error: a start from which a few points are enough.

    Args:
        network: [T, B, I] -> [T, B, O], of the layers in `holotype.train.methods.meta.layers`.
        steps: inner steps in training.
        rate: inner rate, or where learned rates start.
        test_steps: inner steps in predicting; None: as in training.

    Raises:
        TrainingError: `network` has a layer that does not follow the tasks, or the inner loop
            cannot be run as told.
    """

    undecayed = ("inner.",)
    inner_rates: ClassVar[Rate] = "fixed"

    def __init__(
        self, network: nn.Module, steps: int = 1, rate: float = 0.01, test_steps: int | None = None
    ) -> None:
        super().__init__()
        check_layers(network)
        self.network = network
        self.test_steps = test_steps
        shapes = {name: p.shape for name, p in network.named_parameters()}
        self.inner = InnerLoop(shapes, steps, rate, self.inner_rates)

    def loss(self, batch: PointTasks) -> Tensor:
        """Mean squared error of the queries after adaptation."""
        return torch.square(self._adapted(batch, None) - batch.targets()).mean()

    def predict(self, tasks: PointTasks) -> tuple[Tensor, None]:
        """The functions after `test_steps` steps on their points; see `PointLearner`."""
        with torch.inference_mode(False), torch.no_grad():
            tasks = PointTasks(tasks.x.clone(), tasks.y.clone(), tasks.query_x.clone())
            return self._adapted(tasks, self.test_steps), None

    def _adapted(self, tasks: PointTasks, steps: int | None) -> Tensor:
        def loss(now: Params) -> Tensor:
            return torch.square(self._at(now, tasks.x) - tasks.y).mean((1, 2))

        params = self.inner(start_of(self.network, len(tasks.x)), loss, steps)
        return self._at(params, tasks.query_x)

    def _at(self, params: Params, x: Tensor) -> Tensor:
        values: Tensor = functional_call(self.network, params, (x,))
        return values


class RegressionMetaSGD(RegressionMAML):
    """The same with a learned inner rate for every weight (Li et al. 2017)."""

    inner_rates = "per weight"
