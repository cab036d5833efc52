"""Recipes for learning families of functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from holotype.errors import DataError
from holotype.records import OnProgress
from holotype.train.methods.meta.networks import Perceptron
from holotype.train.methods.meta.neural_process import ConditionalNeuralProcess
from holotype.train.methods.meta.points import PointLearner
from holotype.train.methods.meta.regression import RegressionMAML, RegressionMetaSGD
from holotype.train.methods.meta.sinusoid import sinusoids
from holotype.train.recipe import Prepared
from holotype.train.settings import TrainingSettings

_VALIDATION_SEED = 10**9  # far from the seeds of training batches


@dataclass(frozen=True, slots=True)
class SinusoidRecipe:
    """A named way to train one learner on sine waves."""

    build: Callable[[], PointLearner]
    description: str
    settings: TrainingSettings
    k_shot: int
    n_query: int
    tasks: int  # in a batch

    def prepare(self, data: str, seed: int, preparing: OnProgress | None = None) -> Prepared:
        """Build the learner; the tasks are made as they are needed. See `Recipe`."""
        if data != "sinusoid":
            raise DataError(
                f"this recipe learns sine waves, not {data!r}", "Train with --data sinusoid"
            )
        torch.manual_seed(seed)
        learner = self.build()
        held_back = sinusoids(_VALIDATION_SEED, 500, self.k_shot, 100)

        def error(trained: Any) -> float:
            with torch.no_grad():
                return float(trained.squared_error(held_back).mean())

        def batch(step: int) -> Any:
            return sinusoids(seed * 1_000_003 + step, self.tasks, self.k_shot, self.n_query)

        return Prepared(learner, batch, error)


def _sinusoid(build: Callable[[], PointLearner], what: str, k_shot: int) -> SinusoidRecipe:
    return SinusoidRecipe(
        build=build,
        description=f"sine waves from {k_shot} points, {what}",
        settings=TrainingSettings(
            steps=4000, learning_rate=3e-3, validate_every=500, checkpoint_every=1000
        ),
        k_shot=k_shot,
        n_query=20,
        tasks=100,
    )


def _by_shots(build: Callable[[], PointLearner], what: str) -> dict[str, SinusoidRecipe]:
    return {f"sinusoid-{k_shot}": _sinusoid(build, what, k_shot) for k_shot in (10, 5)}


_NET = "two hidden layers of 40 units, one inner step"
RECIPES: dict[str, dict[str, SinusoidRecipe]] = {
    "maml": _by_shots(lambda: RegressionMAML(Perceptron(), rate=0.01), f"{_NET} at rate 0.01"),
    "meta-sgd": _by_shots(lambda: RegressionMetaSGD(Perceptron(), rate=0.02), _NET),
    "cnp": _by_shots(ConditionalNeuralProcess, "three layers of 128 units in encoder and decoder"),
}
