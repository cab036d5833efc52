from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from toys import SIZE_PX, build, toy_batch

from holotype.train.methods.metric.relation import RelationNetworks


def test_the_first_convolution_is_the_one_over_two_maps_on_top_of_each_other() -> None:
    method = build("relation").eval()
    maps = torch.randn(1, 3, 8, 4, 4), torch.randn(1, 2, 8, 4, 4)
    both = nn.Conv2d(16, 8, 3, padding=1)
    with torch.no_grad():
        both.weight.copy_(torch.cat([method.of_class.weight, method.of_query.weight], 1))
        both.bias.copy_(method.of_class.bias)
        of_class = method._each(method.of_class, maps[0])
        of_query = method._each(method.of_query, maps[1])
        for n in range(3):
            for q in range(2):
                stacked = torch.cat([maps[0][:, n], maps[1][:, q]], 1)
                torch.testing.assert_close(
                    of_class[:, n] + of_query[:, q], both(stacked), atol=1e-5, rtol=1e-5
                )


def test_the_loss_by_hand() -> None:
    # Equation 2 with relation scores all 1/2: every pair costs (1/2)^2, right or wrong.
    method = build("relation")
    last = method.relate[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
    assert float(method.loss(toy_batch(0)).detach()) == pytest.approx(0.25)
    with torch.no_grad():
        last.bias.fill_(torch.logit(torch.tensor(0.2)))
    # 0.2 everywhere: one pair in five costs 0.64, the others 0.04.
    assert float(method.loss(toy_batch(0)).detach()) == pytest.approx(
        (0.64 + 4 * 0.04) / 5, rel=1e-5
    )


def test_the_scores_are_those_of_the_pairs_one_by_one() -> None:
    method = build("relation").eval()
    batch = toy_batch(0, tasks=1, k_shot=2)
    with torch.no_grad():
        scores = method.scores(batch)
        support = method.backbone(batch.support[0].flatten(0, 1)).unflatten(0, (5, 2)).mean(1)
        query = method.backbone(batch.query[0])
        weight = torch.cat([method.of_class.weight, method.of_query.weight], 1)
        for q in range(query.shape[0]):
            for n in range(5):
                pair = torch.cat([support[n], query[q]])[None]
                related = method.relate(F.conv2d(pair, weight, method.of_class.bias, padding=1))
                assert float(scores[0, q, n]) == pytest.approx(float(related.sigmoid()), abs=1e-5)


def test_it_has_the_shape_of_the_paper() -> None:
    method = RelationNetworks()
    assert method.backbone(torch.zeros(2, 1, 28, 28)).shape == (2, 64, 7, 7)
    linear = [layer for layer in method.relate if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(64, 8), (8, 1)]
    assert RelationNetworks(size_px=SIZE_PX).scores(toy_batch(0)).shape == (2, 10, 5)
