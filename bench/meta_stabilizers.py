"""What MAML++ has and the package leaves out, so that leaving it out can be measured."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from holotype.learn.batches import EpisodeBatch
from holotype.learn.meta.adaptation import Params
from holotype.learn.meta.classification import MAML, _cross_entropy, _logits
from holotype.learn.meta.networks import TaskConv4


class Stabilized(MAML):
    """MAML with rates per layer and step, and more of Antoniou et al. 2019, section 4.

    Args:
        body: as in `MAML`.
        annealing: the queries are answered after every inner step and all answers count, equally
            at first, and after so many updates the last alone (multi-step loss); None: the last.
        step_norms: each inner step has its own learned scales and shifts, as what it adds to
            those that adapt.
        options: as in `MAML`.
    """

    inner_rates = "per step"
    updates: Tensor

    def __init__(
        self,
        body: TaskConv4,
        *,
        annealing: int | None = None,
        step_norms: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(body, **options)
        self.annealing = annealing
        self.norms = nn.ParameterDict()
        if step_norms:
            for name, value in body.named_parameters():
                if value.ndim == 1:
                    zeros = torch.zeros(self.inner.steps + 1, *value.shape)
                    self.norms[name.replace(".", "_")] = nn.Parameter(zeros)
        self.register_buffer("updates", torch.zeros(()))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        answers = self._way(batch, None)
        left = 0.0 if self.annealing is None else float(1 - self.updates / self.annealing)
        if left <= 0:
            return _loss(answers[-1], batch)
        each = torch.stack([_loss(logits, batch) for logits in answers])
        return left * each.mean() + (1 - left) * each[-1]

    def training_step(
        self, batch: EpisodeBatch, optimizer: Optimizer, forward: AbstractContextManager[Any]
    ) -> Tensor:
        loss = super().training_step(batch, optimizer, forward)
        self.updates += 1
        return loss

    def _answers(self, batch: EpisodeBatch, steps: int | None) -> Tensor:
        return self._way(batch, steps)[-1]

    def _way(self, batch: EpisodeBatch, steps: int | None) -> list[Tensor]:
        """The logits of the queries after each inner step that counts, the last one at the end."""
        start, support = self._start(batch), batch.support.flatten(1, 2)
        passed: list[Params] = []

        def loss(now: Params) -> Tensor:
            passed.append(self._normed(now, len(passed)))
            return _cross_entropy(passed[-1], self._features(passed[-1], support), batch)

        end = self.inner(start, loss, steps)
        ends = [self._normed(end, len(passed))]
        if self.training and self.annealing is not None and self.updates < self.annealing:
            ends = passed[1:] + ends
        known, pictures = support.shape[1], torch.cat([support, batch.query], 1)
        return [_logits(now, self._features(now, pictures, known)[:, known:]) for now in ends]

    def _normed(self, now: Params, step: int) -> Params:
        if not self.norms:
            return now
        own = {name: self.norms.get(name.replace(".", "_")) for name in now}
        return now | {
            name: now[name] + value[min(step, len(value) - 1)]
            for name, value in own.items()
            if value is not None
        }


def _loss(logits: Tensor, batch: EpisodeBatch) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), batch.targets().flatten())
