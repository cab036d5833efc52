"""The stabilizers of MAML++ are what it describes."""

from __future__ import annotations

import importlib
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from toys import task_conv, toy_batch

from holotype.errors import TrainingError
from holotype.train.methods.meta.anil import ANIL
from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.reptile import Reptile

BATCH = toy_batch(0)


def learned() -> MAML:
    torch.manual_seed(0)
    method = MAML(task_conv(), steps=2, rates="per step")
    torch.nn.init.normal_(method.head_weight)
    return method


def after(method: MAML, steps: int) -> torch.Tensor:
    logits = method._answers(BATCH, steps)
    return F.cross_entropy(logits.flatten(0, 1), BATCH.targets().flatten()).detach()


def test_the_loss_after_every_step_gives_way_to_that_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[3] / "experiments"), *sys.path])
    plain = learned()
    method = importlib.import_module("meta_stabilizers").MultiStepLoss(
        task_conv(), steps=2, annealing=2
    )
    method.load_state_dict(plain.state_dict(), strict=False)
    idle = torch.optim.SGD(method.parameters(), lr=0.0)
    first, last = after(plain, 1), after(plain, 2)
    both = (first + last) / 2
    for expected in (both, (both + last) / 2, last, last):
        torch.testing.assert_close(method.training_step([BATCH], idle, nullcontext()), expected)
    torch.testing.assert_close(method.scores(BATCH), plain.scores(BATCH))


def test_norms_of_each_step_are_added_to_those_that_adapt() -> None:
    plain = learned()
    method = MAML(task_conv(), steps=2, rates="per step", step_norms=True)
    method.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(method.loss(BATCH), plain.loss(BATCH))
    own = method.inner.own["blocks_0_shift"].data
    own.fill_(0.3)  # the same in every step: another start
    plain.body.blocks[0].shift.data += 0.3
    torch.testing.assert_close(method.loss(BATCH), plain.loss(BATCH))
    own[1].fill_(0.2)
    assert not torch.allclose(method.loss(BATCH), plain.loss(BATCH), atol=1e-5)


@pytest.mark.parametrize("steps", [2, 3])
def test_the_queries_are_answered_with_the_last_norms(steps: int) -> None:
    method = MAML(task_conv(), steps=2, step_norms=True, rate=0.0, test_steps=steps)
    torch.nn.init.normal_(method.head_weight)
    before = method.scores(BATCH)
    method.inner.own["blocks_0_shift"].data[:2] += 0.3  # at no inner rate, seen by no answer
    torch.testing.assert_close(method.scores(BATCH), before)
    method.inner.own["blocks_0_shift"].data[2] += 0.3
    assert not torch.allclose(method.scores(BATCH), before, atol=1e-3)


@pytest.mark.parametrize(("kind", "why"), [(ANIL, "adapts no norm"), (Reptile, "end of its steps")])
def test_who_has_no_norm_in_each_step_is_told(kind: type[MAML], why: str) -> None:
    with pytest.raises(TrainingError, match=why):
        kind(task_conv(), step_norms=True)
