"""Tasks of regression: a few points of a function are given, and others are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from holotype.errors import DataError
from holotype.train.learner import Learner


@dataclass(frozen=True, slots=True)
class PointTasks:
    """T tasks of one shape, float32; I inputs and O outputs of each function."""

    x: Tensor  # [T, K, I] where the function is given
    y: Tensor  # [T, K, O] its values there
    query_x: Tensor  # [T, Q, I] where it is asked for
    query_y: Tensor | None = None  # [T, Q, O]; None: withheld

    def __post_init__(self) -> None:
        """Refuse what is no batch of tasks.

        Raises:
            DataError: no points, other shapes, or values that are not finite.
        """
        shapes = {name: tuple(value.shape) for name, value in self._tensors()}
        tasks, k_shot = self.x.shape[:2] if self.x.ndim == 3 else (0, 0)
        like = {"x": self.x, "y": self.y, "query_x": self.x, "query_y": self.y}
        fitting = all(
            value.ndim == 3
            and len(value) == tasks
            and value.shape[2] == like[name].shape[-1]
            and (name.startswith("query") or value.shape[1] == k_shot)
            for name, value in self._tensors()
        )
        if not fitting or (
            self.query_y is not None and self.query_y.shape[1] != self.query_x.shape[1]
        ):
            raise DataError(
                f"the shapes {shapes} are not those of tasks with [T, K, I] inputs and "
                "[T, K, O] outputs",
                "Give all tasks of a batch the same numbers of points, inputs and outputs",
            )
        if tasks == 0 or k_shot == 0:
            raise DataError(
                f"{tasks} tasks of {k_shot} points each hold nothing to adapt to",
                "Give at least one task, and one point in each",
            )
        for name, value in self._tensors():
            if not bool(torch.isfinite(value).all()):
                raise DataError(
                    f"{name} holds {int((~torch.isfinite(value)).sum())} values that are not "
                    "finite",
                    "Leave such points out",
                )

    def targets(self) -> Tensor:
        """`query_y`, float32 [T, Q, O].

        Raises:
            DataError: the batch carries none.
        """
        if self.query_y is None:
            raise DataError("query_y is absent, and a loss needs it", "Train on whole tasks")
        return self.query_y

    def _tensors(self) -> list[tuple[str, Tensor]]:
        named = {"x": self.x, "y": self.y, "query_x": self.query_x, "query_y": self.query_y}
        return [(name, value) for name, value in named.items() if value is not None]


class PointLearner(Learner[PointTasks]):
    """What learns a family of functions in advance and then takes a few points of a new one."""

    def predict(self, tasks: PointTasks) -> tuple[Tensor, Tensor | None]:
        """What the functions are at `query_x`; never reads `query_y`.

        Returns:
            The mean, float32 [T, Q, O], and the standard deviation likewise; None where the
            method states none.
        """
        raise NotImplementedError

    def squared_error(self, tasks: PointTasks) -> Tensor:
        """The mean squared error of each task: float32 [T]."""
        mean, _ = self.predict(tasks)
        return torch.square(mean - tasks.targets()).mean((1, 2))
