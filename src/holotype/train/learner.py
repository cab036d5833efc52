"""Whatever the training loop can train."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from holotype.train.processes import ALONE, Processes
from holotype.train.settings import Precision

Batch = TypeVar("Batch")


class Learner(nn.Module, Generic[Batch]):
    """A module with a loss over batches of its own kind: episodes, sequences, regression tasks."""

    trainable: ClassVar[bool] = True  # False: nothing to learn, `train` refuses it
    undecayed: ClassVar[tuple[str, ...]] = ()  # parameter name prefixes free of weight decay
    # What it learned in, set by training: one that adapts when it is asked does so in the same.
    precision: Precision = "float32"
    clip_norm: ClassVar[float | None] = None  # largest Euclidean norm of the gradient in a step
    # Why its step cannot be divided among several processes; empty: it is a mean over batches, and
    # what its buffers follow moves by `processes.MOMENTUM` with each.
    indivisible: ClassVar[str] = ""
    processes: Processes = ALONE  # those that take its steps together, set by training

    @property
    def device(self) -> torch.device:
        """Where its weights are; the processor, where it has none."""
        first = next(self.parameters(), None)
        return torch.device("cpu") if first is None else first.device

    def loss(self, batch: Batch) -> Tensor:
        """What training minimizes: a float32 scalar."""
        raise NotImplementedError

    def accumulate(
        self, batch: Batch, share: float, forward: AbstractContextManager[Any]
    ) -> Tensor:
        """Add `share` of the gradient of a batch's loss; returns that share of the loss.

        The loss is computed within `forward`, its precision.
        """
        with forward:
            loss = self.loss(batch) * share
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def training_step(
        self, batches: Sequence[Batch], optimizer: Optimizer, forward: AbstractContextManager[Any]
    ) -> Tensor:
        """One update by the mean gradient of some batches; returns their mean loss.

        A learner whose update is another (two players that take turns) overrides this.

        Args:
            batches: of this process; each draws from the seed of its place in the step.
            optimizer: of its parameters.
            forward: see `accumulate`.
        """
        optimizer.zero_grad(set_to_none=True)
        share = 1 / (len(batches) * self.processes.count)
        seed, losses = torch.initial_seed(), []
        for place, batch in enumerate(batches, start=len(batches) * self.processes.rank):
            if place:
                torch.manual_seed((seed + place) % 2**64)
            losses.append(self.accumulate(batch, share, forward))
        loss = self.processes.sum_gradients(self, torch.stack(losses).sum())
        if self.clip_norm is not None:
            clip_grad_norm_(self.parameters(), self.clip_norm)
        optimizer.step()
        return loss
