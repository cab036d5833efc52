from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from toys import build, toy_batch

from holotype.evaluation.accuracy import prototype_scores
from holotype.records import Episode
from holotype.train.batches import EpisodeBatch, collate
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax


def points(support: list[list[list[float]]], query: list[list[float]]) -> Episode:
    """Points in the plane as pictures of 1 x 2 pixels, so that Flatten is their embedding."""
    return Episode(
        np.array(support, dtype=np.float32)[..., None, None, :],
        np.array(query, dtype=np.float32)[:, None, None, :],
        np.array([0, 1]),
        np.array([0, 1]),
    )


def test_the_loss_of_the_paper_by_hand() -> None:
    # Eq. 1: prototypes (0, 0) and (3, 0). Squared distances of the query (1, 0): 1 and 4; of
    # (2, 1): 5 and 2. Eq. 2: -log p = log(1 + exp(-3)) for both, which is 0.0485873516.
    episode = points([[[0, 1], [0, -1]], [[2, 0], [4, 0]]], [[1, 0], [2, 1]])
    method = PrototypicalNetworks(nn.Flatten())
    batch = collate([episode])
    assert method.scores(batch).tolist() == [[[-1.0, -4.0], [-5.0, -2.0]]]
    assert float(method.loss(batch)) == pytest.approx(0.0485873516, abs=1e-7)


def test_the_loss_of_the_paper_in_numpy() -> None:
    rng = np.random.default_rng(3)
    support, query = rng.normal(size=(2, 4, 3, 1, 2, 3)), rng.normal(size=(2, 6, 1, 2, 3))
    query_class = rng.integers(0, 4, size=(2, 6))
    losses = []
    for task in range(2):
        for q, true in zip(query[task], query_class[task], strict=True):
            distances = [((q - c.mean(0)) ** 2).sum() for c in support[task]]
            terms = np.exp(-np.array(distances))
            losses.append(-np.log(terms[true] / terms.sum()))
    batch = EpisodeBatch(
        torch.tensor(support).float(), torch.tensor(query).float(), torch.tensor(query_class)
    )
    loss = PrototypicalNetworks(nn.Flatten()).loss(batch)
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_cosine_objective_by_its_equation() -> None:
    rng = np.random.default_rng(4)
    features, weight = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    labels = rng.integers(0, 4, size=5)
    losses = []
    for x, y in zip(features, labels, strict=True):
        cosine = weight @ x / np.linalg.norm(weight, axis=1) / np.linalg.norm(x)
        logits = 16 * (cosine - 0.1 * (np.arange(4) == y))
        log_p = logits - np.log(np.exp(logits).sum())
        target = 0.9 * (np.arange(4) == y) + 0.1 / 4
        losses.append(-(target * log_p).sum())
    objective = CosineSoftmax(4, 3)
    with torch.no_grad():
        objective.weight.copy_(torch.tensor(weight))
    loss = objective(torch.tensor(features).float(), torch.tensor(labels)).detach()
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-5)


def test_with_an_objective_it_ranks_as_the_pack_does() -> None:
    method = build("prototypical-cosine").eval()
    batch = toy_batch(0, tasks=1, k_shot=5)
    with torch.no_grad():
        embed = method.embedder()
        support = embed(batch.support.flatten(0, 2)).numpy().reshape(5, 5, -1)
        query = embed(batch.query[0]).numpy()
        scores = method.scores(batch)[0].numpy()
    similarity = prototype_scores(Episode(support, query))
    # |q - p|^2 = 2 - 2 q.p on the unit sphere.
    np.testing.assert_allclose(scores, 2 * similarity - 2, atol=1e-5)


def test_the_objective_is_no_part_of_the_embedder() -> None:
    names = dict(build("prototypical-cosine").embedder().named_parameters())
    assert not any("objective" in name for name in names)


def test_low_precision_reaches_the_backbone_and_not_the_scores() -> None:
    method = build("prototypical-cosine")
    seen = []
    method.backbone.register_forward_hook(lambda *call: seen.append(call[-1].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        assert method.loss(toy_batch(0)).dtype == torch.float32
        assert method.scores(toy_batch(0)).dtype == torch.float32
    assert seen == [torch.bfloat16, torch.bfloat16]
