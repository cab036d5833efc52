"""Meta-learned regression in scikit-learn's manner."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from holotype.errors import DataError, TrainingError
from holotype.train.methods.meta.networks import Perceptron
from holotype.train.methods.meta.neural_process import ConditionalNeuralProcess
from holotype.train.methods.meta.points import PointLearner, PointTasks
from holotype.train.methods.meta.regression import RegressionMAML, RegressionMetaSGD
from holotype.train.settings import TrainingSettings, require_word
from holotype.train.training import train

Floats = NDArray[np.float64]
_Method = Literal["maml", "meta-sgd", "cnp"]
_TASKS = 50  # in a batch


class MetaRegressor:
    """Learns a family of functions from many tasks, then each new one from a few points.

    Args:
        method: "meta-sgd" or "maml" adapt by three steps of gradient descent, "cnp" without
            gradients and with a standard deviation.
        k_shot: points that a new task will have, about.
        steps: training steps.
        learning_rate: the largest of the training.
        seed: fixes all that is random.
    """

    def __init__(
        self,
        method: _Method = "meta-sgd",
        *,
        k_shot: int = 10,
        steps: int = 2000,
        learning_rate: float = 3e-3,
        seed: int = 0,
    ) -> None:
        require_word("method", method, get_args(_Method))
        if k_shot < 1:
            raise TrainingError(f"k_shot={k_shot} is below 1", "Set k_shot to at least 1")
        self.method = method
        self.k_shot = k_shot
        self.steps = steps
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, tasks: Sequence[tuple[ArrayLike, ArrayLike]]) -> MetaRegressor:
        """Learn what the functions have in common.

        Args:
            tasks: of each function its points: X [n, I] or [n], y [n, O] or [n], finite, n above
                `k_shot`; n may differ between tasks.

        Returns:
            Itself.

        Raises:
            DataError: no tasks, too few points, or shapes that do not fit.
        """
        family = [_points(X, y, f"task {number}") for number, (X, y) in enumerate(tasks)]
        if not family:
            raise DataError("there are no tasks to learn from", "Give at least one (X, y)")
        fewest = min(len(x) for x, _ in family)
        if fewest <= self.k_shot:
            raise DataError(
                f"a task has {fewest} points; k_shot={self.k_shot} needs more, to ask for others",
                "Lower k_shot or leave the task out",
            )
        if len({(x.shape[1], y.shape[1]) for x, y in family}) != 1:
            raise DataError(
                "the tasks differ in their numbers of inputs or outputs", "Learn each family apart"
            )
        self._x = _Scale(np.concatenate([x for x, _ in family]))
        self._y = _Scale(np.concatenate([y for _, y in family]))
        scaled = [(self._x.down(x), self._y.down(y)) for x, y in family]
        count = min(fewest, 3 * self.k_shot)
        torch.manual_seed(self.seed)
        self._learner = self._build(scaled[0][0].shape[1], scaled[0][1].shape[1])

        def batch(step: int) -> PointTasks:
            rng = np.random.default_rng((self.seed, step))
            drawn = [scaled[i] for i in rng.integers(len(scaled), size=_TASKS)]
            rows = [rng.choice(len(x), count, replace=False) for x, _ in drawn]
            x = _tensor(np.stack([x[row] for (x, _), row in zip(drawn, rows, strict=True)]))
            y = _tensor(np.stack([y[row] for (_, y), row in zip(drawn, rows, strict=True)]))
            k = self.k_shot
            return PointTasks(x[:, :k], y[:, :k], x[:, k:], y[:, k:])

        settings = TrainingSettings(
            self.steps, self.learning_rate, seed=self.seed, checkpoint_every=self.steps
        )
        with tempfile.TemporaryDirectory() as folder:
            self.history_ = train(self._learner, batch, settings, Path(folder) / "run")
        return self

    def adapt(self, X: ArrayLike, y: ArrayLike) -> AdaptedRegressor:  # noqa: N803
        """A new function from a few of its points; what was learned stays as it is.

        Args:
            X: [n, I] or [n], n at least 1.
            y: [n, O] or [n], in the shape that `predict` will answer in.

        Raises:
            DataError: shapes that do not fit the family, or values that are not finite.
            TrainingError: nothing was learned yet, or the inner loop diverges.
        """
        if not hasattr(self, "_learner"):
            raise TrainingError("nothing was learned yet", "Call fit on a family of tasks first")
        x, values = _points(X, y, "the task")
        if x.shape[1] != self._x.width or values.shape[1] != self._y.width:
            raise DataError(
                f"the task has {x.shape[1]} inputs and {values.shape[1]} outputs; the family has "
                f"{self._x.width} and {self._y.width}",
                "Give the inputs and outputs of the family",
            )
        known = _tensor(self._x.down(x))[None], _tensor(self._y.down(values))[None]
        flat = np.ndim(y) == 1
        adapted = AdaptedRegressor(self._learner, known, self._x, self._y, flat)
        adapted.predict(x)  # so that what cannot be adapted to is refused here
        return adapted

    def _build(self, inputs: int, outputs: int) -> PointLearner:
        if self.method == "cnp":
            return ConditionalNeuralProcess(inputs, outputs)
        network = Perceptron((inputs, 40, 40, outputs))
        if self.method == "maml":
            return RegressionMAML(network, steps=3, rate=0.1)
        if self.method == "meta-sgd":
            return RegressionMetaSGD(network, steps=3, rate=0.1)
        raise TrainingError(
            f"there is no method {self.method!r} for functions", "Choose maml, meta-sgd or cnp"
        )


class AdaptedRegressor:
    """One function, known from a few points. Made by `MetaRegressor.adapt`."""

    def __init__(
        self,
        learner: PointLearner,
        known: tuple[torch.Tensor, torch.Tensor],
        x: _Scale,
        y: _Scale,
        flat: bool,
    ) -> None:
        self._learner, self._known, self._x, self._y, self._flat = learner, known, x, y, flat

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:  # noqa: N803
        """The function elsewhere.

        Args:
            X: [m, I] or [m].
            return_std: also give the standard deviation.

        Returns:
            float64 [m, O], or [m] where `y` was flat; with `return_std` a pair of such.

        Raises:
            DataError: `X` does not fit the family.
            TrainingError: the method states no standard deviation.
        """
        x = _columns(X, "X")
        if x.shape[1] != self._x.width:
            raise DataError(
                f"X has {x.shape[1]} inputs; the family has {self._x.width}",
                "Give the inputs of the family",
            )
        asked = _tensor(self._x.down(x))[None]
        with torch.no_grad():
            mean, deviation = self._learner.predict(PointTasks(*self._known, asked))
        values = self._y.up(mean[0].double().numpy())
        if not return_std:
            return values[:, 0] if self._flat else values
        if deviation is None:
            raise TrainingError(
                f"{type(self._learner).__name__} states no standard deviation",
                "Learn the family with method='cnp'",
            )
        spread = deviation[0].double().numpy() * self._y.size
        return (values[:, 0], spread[:, 0]) if self._flat else (values, spread)


class _Scale:
    """Each column with mean 0 and standard deviation 1, and back."""

    def __init__(self, values: Floats) -> None:
        self.width = values.shape[1]
        self.center = values.mean(0)
        spread = values.std(0)
        self.size = np.where(spread > 0, spread, 1.0)

    def down(self, values: Floats) -> Floats:
        return np.asarray((values - self.center) / self.size)

    def up(self, values: Floats) -> Floats:
        return np.asarray(values * self.size + self.center)


def _points(X: ArrayLike, y: ArrayLike, name: str) -> tuple[Floats, Floats]:  # noqa: N803
    x, values = _columns(X, f"X of {name}"), _columns(y, f"y of {name}")
    if len(x) != len(values) or len(x) == 0:
        raise DataError(
            f"{name} has {len(x)} inputs and {len(values)} values", "Give one value for each input"
        )
    return x, values


def _columns(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not np.isfinite(array).all():
        raise DataError(
            f"{name} has shape {array.shape}"
            + (" and values that are not finite" if array.ndim == 2 else ""),
            "Give finite numbers in a table of one row for each point",
        )
    return array


def _tensor(values: Floats) -> torch.Tensor:
    return torch.from_numpy(values).float()
