"""Whatever the training loop can train."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from holotype.learn.settings import Precision

Batch = TypeVar("Batch")


class Learner(nn.Module, Generic[Batch]):
    """A module with a loss over batches of its own kind: episodes, sequences, regression tasks."""

    trainable: ClassVar[bool] = True  # False: nothing to learn, `train` refuses it
    undecayed: ClassVar[tuple[str, ...]] = ()  # parameter name prefixes free of weight decay
    # What it learned in, set by training: one that adapts when it is asked does so in the same.
    precision: Precision = "float32"
    clip_norm: ClassVar[float | None] = None  # largest Euclidean norm of the gradient in a step

    def loss(self, batch: Batch) -> Tensor:
        """What training minimizes: a float32 scalar."""
        raise NotImplementedError

    def training_step(
        self, batch: Batch, optimizer: Optimizer, forward: AbstractContextManager[Any]
    ) -> Tensor:
        """One update, `loss` computed within `forward` (its precision); returns the loss.

        A learner with an update rule of its own (two players, an outer step that is no gradient)
        overrides this.
        """
        with forward:
            loss = self.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            clip_grad_norm_(self.parameters(), self.clip_norm)
        optimizer.step()
        return loss.detach()
