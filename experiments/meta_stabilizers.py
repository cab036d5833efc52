"""The loss of MAML++ that the package leaves out, so that leaving it out can be measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from holotype.train.batches import EpisodeBatch
from holotype.train.methods.meta.adaptation import Params
from holotype.train.methods.meta.maml import MAML, _cross_entropy, _logits
from holotype.train.methods.meta.networks import TaskConv4


class MultiStepLoss(MAML):
    """MAML that answers the queries after every inner step (Antoniou et al. 2019, section 4).

    Args:
        body: as in `MAML`.
        annealing: all answers count, equally at first, and after so many updates the last alone.
        options: as in `MAML`.
    """

    inner_rates = "per step"
    updates: Tensor

    def __init__(self, body: TaskConv4, *, annealing: int, **options: Any) -> None:
        super().__init__(body, **options)
        self.annealing = annealing
        self.register_buffer("updates", torch.zeros(()))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        left = max(0.0, float(1 - self.updates / self.annealing))
        each = torch.stack([_loss(logits, batch) for logits in self._way(batch, every=left > 0)])
        return left * each.mean() + (1 - left) * each[-1]

    def training_step(
        self,
        batches: Sequence[EpisodeBatch],
        optimizer: Optimizer,
        forward: AbstractContextManager[Any],
    ) -> Tensor:
        loss = super().training_step(batches, optimizer, forward)
        self.updates += 1
        return loss

    def _way(self, batch: EpisodeBatch, every: bool) -> list[Tensor]:
        """The logits of the queries after each inner step, or after the last."""
        support = batch.support.flatten(1, 2)
        passed: list[Params] = []

        def loss(now: Params) -> Tensor:
            passed.append(now)
            return _cross_entropy(now, self._features(now, support), batch)

        end = self.inner(self._start(batch), loss)
        known, pictures = support.shape[1], torch.cat([support, batch.query], 1)
        ends = [*passed[1:], end] if every else [end]
        return [_logits(now, self._features(now, pictures, known)[:, known:]) for now in ends]


def _loss(logits: Tensor, batch: EpisodeBatch) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), batch.targets().flatten())
