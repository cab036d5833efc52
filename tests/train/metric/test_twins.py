"""Siamese, contrastive and triplet twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from toys import build, toy_batch

from holotype.evaluation.accuracy import prototype_scores
from holotype.records import Episode
from holotype.train.batches import EpisodeBatch, collate
from holotype.train.methods.metric.contrastive import ContrastiveTwins, balanced, contrastive_losses
from holotype.train.methods.metric.siamese import SiameseNetworks
from holotype.train.methods.metric.triplet import TripletTwins, semi_hard


def vectors(support: list[list[list[float]]], query: list[list[float]]) -> EpisodeBatch:
    """Vectors as pictures of one row, query i of class i."""
    return collate(
        [
            Episode(
                np.array(support, dtype=np.float32)[..., None, None, :],
                np.array(query, dtype=np.float32)[:, None, None, :],
                np.arange(len(query)),
                np.arange(len(support)),
            )
        ]
    )


def test_siamese_by_hand() -> None:
    # Weights (-1, -2), bias 1. Query (0, 0): L1 terms to class 0 at (1, 0) and (0, 2) give
    # log-odds 0 and -3, to class 1 at (1, 1) and (0, 3) -2 and -5. The best pairs: 0 and -2.
    batch = vectors([[[1, 0], [0, 2]], [[1, 1], [0, 3]]], [[0, 0]])
    method = SiameseNetworks(nn.Flatten(), 2)
    with torch.no_grad():
        method.weigh.weight.copy_(torch.tensor([[-1.0, -2.0]]))
        method.weigh.bias.fill_(1.0)
    assert method.scores(batch).tolist() == [[[0.0, -2.0]]]
    # Section 3.2: -log sigmoid of the equal pairs, -log(1 - sigmoid) of the others.
    equal = math.log(2) + math.log(1 + math.exp(3))
    unequal = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-5))
    assert float(method.loss(batch).detach()) == pytest.approx((equal + unequal) / 4, rel=1e-6)


def test_equal_and_unequal_pairs_weigh_the_same_however_many_there_are() -> None:
    for unequal in (1, 4):
        losses, equal = torch.tensor([3.0] + [1.0] * unequal), torch.arange(1 + unequal) == 0
        assert float(balanced(losses, equal)) == 2.0


def test_the_contrastive_loss_by_hand() -> None:
    # Equation 4 with margin 1: equal at 0.6 costs 0.36 / 2; unequal at 0.6 costs 0.4**2 / 2, at
    # 1.5 nothing.
    squared, equal = torch.tensor([0.36, 0.36, 2.25]), torch.tensor([True, False, False])
    losses = contrastive_losses(squared, equal, margin=1.0)
    torch.testing.assert_close(losses, torch.tensor([0.18, 0.08, 0.0]))


def test_unequal_pictures_that_coincide_leave_the_gradient_finite() -> None:
    points = torch.zeros(2, requires_grad=True)
    contrastive_losses(points.square(), torch.tensor([True, False]), 1.0).sum().backward()
    assert points.grad.isfinite().all()


def test_contrastive_twins_by_hand() -> None:
    # Unit vectors: class 0 at 0 degrees, class 1 at 60; queries at 0 and at 90. Squared distance
    # 2 - 2 cos: equal pairs 0 and 2 - sqrt(3), unequal pairs 1 (at the margin) and 2 (beyond).
    root = math.sqrt(3)
    batch = vectors([[[2, 0]], [[1, root]]], [[5, 0], [0, 3]])
    loss = ContrastiveTwins(nn.Flatten()).loss(batch)
    assert float(loss) == pytest.approx((2 - root) / 2 / 2 / 2, abs=1e-6)


def test_triplets_by_hand() -> None:
    # On a line: class 0 at 0 and 2, class 1 at 3 and 5; squared distances, margin 2.
    # 0 -> 2 (4): nearest beyond is 3 (9), loss 0. 2 -> 0 (4): beyond is 5 (9), loss 0.
    # 3 -> 5 (4): beyond is 0 (9), loss 0. 5 -> 3 (4): beyond is 2 (9), loss 0.
    line = torch.tensor([0.0, 2.0, 3.0, 5.0])
    label = torch.tensor([0, 0, 1, 1])
    squared = (line[:, None] - line).square()
    assert float(semi_hard(squared, label, margin=2.0)) == 0.0
    assert float(semi_hard(squared, label, margin=6.0)) == pytest.approx(1.0)
    # With the last at 4: 3 -> 4 (1): 2 is no farther, so 0 (9); 4 -> 3 (1): 2 (4); 0 -> 2 (4):
    # 3 (9); 2 -> 0 (4): 1 and 4 are no farther, so the farthest of them (4). Margin 4: losses
    # 0, 1, 0, 4.
    line[3] = 4.0
    squared = (line[:, None] - line).square()
    assert float(semi_hard(squared, label, margin=4.0)) == pytest.approx((0 + 1 + 0 + 4) / 4)


def test_triplets_against_loops() -> None:
    torch.manual_seed(2)
    points, label = torch.randn(9, 3), torch.arange(9) % 3
    squared = torch.cdist(points, points).square()
    losses = []
    for a in range(9):
        for p in range(9):
            if p == a or label[p] != label[a]:
                continue
            others = [float(squared[a, n]) for n in range(9) if label[n] != label[a]]
            beyond = [d for d in others if d > squared[a, p]]
            negative = min(beyond) if beyond else max(others)
            losses.append(max(0.0, float(squared[a, p]) - negative + 0.2))
    assert float(semi_hard(squared, label, 0.2)) == pytest.approx(np.mean(losses), rel=1e-5)


def test_triplet_twins_mine_within_each_episode() -> None:
    method = TripletTwins(nn.Flatten())
    batch = toy_batch(0, tasks=3, n_way=3)
    apart = [
        method.loss(
            EpisodeBatch(
                batch.support[i : i + 1], batch.query[i : i + 1], batch.targets()[i : i + 1]
            )
        )
        for i in range(3)
    ]
    assert float(method.loss(batch).detach()) == pytest.approx(float(sum(apart)) / 3, rel=1e-5)


@pytest.mark.parametrize("name", ["contrastive", "triplet"])
def test_they_rank_as_their_pack_does(name: str) -> None:
    method = build(name).eval()
    batch = toy_batch(0, tasks=1, k_shot=5)
    with torch.no_grad():
        support = method.embedder()(batch.support.flatten(0, 2)).numpy().reshape(5, 5, -1)
        query = method.embedder()(batch.query[0]).numpy()
        scores = method.scores(batch)[0].numpy()
    np.testing.assert_allclose(scores, prototype_scores(Episode(support, query)), atol=1e-5)
