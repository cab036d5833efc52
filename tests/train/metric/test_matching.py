from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from toys import build, toy_batch

from holotype.records import Episode
from holotype.train.batches import EpisodeBatch, collate
from holotype.train.methods.metric.matching import FullContextMatchingNetworks, MatchingNetworks


def test_the_attention_of_the_paper_by_hand() -> None:
    # The query lies along (1, 0); the support of class 0 along (1, 0) and (0, 1), of class 1
    # along (-1, 0) twice. Cosines 1, 0, -1, -1, so class 0 has (e + 1) of e + 1 + 2/e.
    episode = Episode(
        np.array([[[3, 0], [0, 2]], [[-1, 0], [-5, 0]]], dtype=np.float32)[..., None, None, :],
        np.array([[[[7, 0]]]], dtype=np.float32),
        np.array([0]),
        np.array([0, 1]),
    )
    batch = collate([episode])
    method = MatchingNetworks(nn.Flatten())
    share = (math.e + 1) / (math.e + 1 + 2 / math.e)
    expected = torch.tensor([[[math.log(share), math.log(1 - share)]]])
    torch.testing.assert_close(method.scores(batch), expected)
    assert float(method.loss(batch)) == pytest.approx(-math.log(share), rel=1e-6)


def test_the_scale_sharpens_the_attention() -> None:
    torch.manual_seed(0)
    batch = EpisodeBatch(torch.randn(1, 3, 1, 1, 1, 4), torch.randn(1, 5, 1, 1, 4))
    cosine = nn.CosineSimilarity(dim=-1)(
        batch.query[0, :, None, 0, 0], batch.support[0, None, :, 0, 0, 0]
    )
    torch.testing.assert_close(
        MatchingNetworks(nn.Flatten(), scale=7.0).scores(batch)[0], (7 * cosine).log_softmax(1)
    )


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _lstm(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, weights: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """One step of an LSTM (Hochreiter and Schmidhuber 1997), gates in torch's order i, f, g, o."""
    of_x, of_h, bias_x, bias_h = weights
    i, f, g, o = np.split(of_x @ x + of_h @ h + bias_x + bias_h, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def test_full_context_by_the_recurrence_of_the_appendix() -> None:
    torch.manual_seed(1)
    dim, reads = 3, 4
    batch = EpisodeBatch(torch.randn(1, 2, 2, 1, 1, dim), torch.randn(1, 3, 1, 1, dim))
    method = FullContextMatchingNetworks(nn.Flatten(), dim, reads=reads)
    with torch.no_grad():
        scores = method.scores(batch)[0].numpy()

    named = {name: value.detach().double().numpy() for name, value in method.named_parameters()}
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    support = batch.support.reshape(4, dim).double().numpy()
    directions = []
    for suffix, order in (("_l0", range(4)), ("_l0_reverse", range(3, -1, -1))):
        weights = [named[f"support_lstm.{kind}{suffix}"] for kind in kinds]
        h, c = np.zeros(dim), np.zeros(dim)
        outputs = np.zeros((4, dim))
        for i in order:
            h, c = _lstm(support[i], h, c, weights)
            outputs[i] = h
        directions.append(outputs)
    g = directions[0] + directions[1] + support

    weights = [named[f"query_lstm.{kind}"] for kind in kinds]
    for query, answer in zip(batch.query.reshape(3, dim).double().numpy(), scores, strict=True):
        h, c = np.zeros(dim), np.zeros(dim)
        for _ in range(reads):
            attention = np.exp(g @ h) / np.exp(g @ h).sum()
            read = attention @ g
            h, c = _lstm(np.concatenate([query, read]), h, c, weights)
            h = h + query
        cosine = g @ h / np.linalg.norm(g, axis=1) / np.linalg.norm(h)
        share = np.exp(cosine) / np.exp(cosine).sum()
        np.testing.assert_allclose(
            answer, np.log([share[:2].sum(), share[2:].sum()]), rtol=1e-4, atol=1e-5
        )


def test_in_full_context_the_order_matters_and_without_it_does_not() -> None:
    batch = toy_batch(0)
    turned = EpisodeBatch(batch.support.flip(1), batch.query)
    for name, matters in (("matching", False), ("matching-full-context", True)):
        method = build(name).eval()
        with torch.no_grad():
            gap = (method.scores(turned).flip(2) - method.scores(batch)).abs().max()
        assert (gap > 1e-4) == matters
