"""Baseline++ and SimpleShot: classifiers of the background, then something for new classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from toys import N_CLASSES, build, toy_batch

from holotype.train.batches import EpisodeBatch
from holotype.train.methods.metric import baseline_plus_plus
from holotype.train.methods.metric.baseline_plus_plus import fit_cosine_classifier
from holotype.train.methods.metric.simpleshot import SimpleShot


def test_the_first_step_of_the_fit_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # One task, two classes at (1, 0) and (0, 1), scale 1. Cosines are the identity, so each
    # example gives the other class p = 1 / (1 + e). The gradient of weight 0 is p / 2 * ((0, 1)
    # - (1, 0)), of which only (0, p / 2) turns it; weight decay adds 0.001 * (1, 0). The step is
    # 0.01 of that.
    monkeypatch.setattr(baseline_plus_plus, "_STEPS", 1)
    weight = fit_cosine_classifier(torch.eye(2)[None, :, None], scale=1.0)
    p = 1 / (1 + math.e)
    expected = torch.tensor([1 - 1e-5, -1e-2 * p / 2])
    torch.testing.assert_close(weight[0, 0], expected, atol=1e-8, rtol=1e-6)


def test_the_fit_is_that_of_torch() -> None:
    torch.manual_seed(0)
    support = F.normalize(torch.randn(2, 3, 4, 5, dtype=torch.float64), dim=-1)
    for task, fitted in zip(support, fit_cosine_classifier(support, 16.0), strict=True):
        weight = nn.Parameter(task.mean(1))
        optimizer = torch.optim.SGD(
            [weight], lr=0.01, momentum=0.9, dampening=0.9, weight_decay=0.001
        )
        for _ in range(100):
            cosine = task.flatten(0, 1) @ F.normalize(weight, dim=1).T
            loss = F.cross_entropy(16 * cosine, torch.arange(3).repeat_interleave(4))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.testing.assert_close(fitted, weight.detach())


def test_fitting_lowers_the_loss_on_the_support() -> None:
    torch.manual_seed(0)
    support = F.normalize(torch.randn(1, 5, 5, 16), dim=-1)

    def loss(weight: torch.Tensor) -> float:
        cosine = support.flatten(1, 2) @ F.normalize(weight, dim=-1).transpose(1, 2)
        return float(F.cross_entropy(16 * cosine[0], torch.arange(5).repeat_interleave(5)))

    assert loss(fit_cosine_classifier(support, 16.0)) < loss(support.mean(2))


def test_simpleshot_by_hand() -> None:
    # Center (1, 1). Features (2, 1), (1, 3) | (-3, 1) become (1, 0), (0, 1) | (-1, 0); centroids
    # (1/2, 1/2) and (-1, 0). The query (4, 1) becomes (1, 0): squared distances 1/2 and 4.
    method = SimpleShot(nn.Flatten(), 2, N_CLASSES)
    method.centered.center.fill_(1.0)
    first, second, query = (
        torch.tensor(rows, dtype=torch.float32)[:, None, None]
        for rows in ([[2, 1], [1, 3]], [[-3, 1], [-3, 1]], [[4, 1]])
    )
    batch = EpisodeBatch(torch.stack([first, second])[None], query[None])
    torch.testing.assert_close(method.scores(batch), torch.tensor([[[-0.5, -4.0]]]))


def test_the_center_follows_the_background_in_training_alone() -> None:
    method = build("simpleshot")
    batch = toy_batch(0)
    with torch.no_grad():
        mean = method.centered.backbone(batch.images()).mean(0)
        for _ in range(200):
            method.loss(batch)
    np.testing.assert_allclose(method.centered.center, mean, atol=1e-4)
    method.eval()
    before = method.centered.center.clone()
    method.loss(toy_batch(1))
    assert torch.equal(method.centered.center, before)
    assert "centered.center" in method.state_dict()


@pytest.mark.parametrize("name", ["baseline++", "simpleshot"])
def test_the_background_classifier_is_no_part_of_the_embedder(name: str) -> None:
    names = dict(build(name).embedder().named_parameters())
    assert not any("objective" in parameter for parameter in names)
