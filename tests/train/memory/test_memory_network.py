from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.methods.memory.key_value import KeyValueMemoryNetwork
from holotype.train.methods.memory.memory_network import MemoryNetwork, Mixing, read
from holotype.train.methods.metric.matching import attend


def points(support: list[list[list[float]]], query: list[list[float]]) -> EpisodeBatch:
    """Points in the plane as pictures of 1 x 2 pixels: support by class."""
    return EpisodeBatch(
        torch.tensor(support)[None, ..., None, None, :],
        torch.tensor(query)[None, :, None, None, :],
        torch.zeros(1, len(query), dtype=torch.int64),
    )


def set_matrix(mixing: Mixing, matrix: list[list[float]]) -> None:
    with torch.no_grad():
        mixing.weight.copy_(torch.tensor(matrix) * len(matrix))


def unscaled(network: MemoryNetwork | KeyValueMemoryNetwork) -> None:
    with torch.no_grad():
        network.log_scale.zero_()


def softmax(*logits: float) -> list[float]:
    terms = [math.exp(x) for x in logits]
    return [term / sum(terms) for term in terms]


def unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y)
    return x / length, y / length


def test_a_read_by_hand() -> None:
    # Equation 1: softmax(1, 0) = (0.7310586, 0.2689414). Equation 2: 2 * p1 and 4 * p2.
    query, keys = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    values = torch.tensor([[[2.0, 0.0], [0.0, 4.0]]])
    assert read(query, keys, values, 1.0)[0, 0].tolist() == pytest.approx([1.4621172, 1.0757657])


def test_two_hops_by_hand() -> None:
    network = MemoryNetwork(nn.Flatten(), 2, hops=2)
    unscaled(network)
    set_matrix(network.output, [[0.0, 1.0], [2.0, 0.0]])  # C (x, y) = (y, 2x)
    set_matrix(network.carry, [[0.0, 0.0], [0.5, 0.0]])  # H (x, y) = (x, y + x/2)
    u = unit(3, 4)
    for _ in range(2):
        p = softmax(*u)  # m is (1, 0) and (0, 1)
        # o = p1 C(1, 0) + p2 C(0, 1) = p1 (0, 2) + p2 (1, 0)
        u = unit(u[0] + p[1], u[1] + u[0] / 2 + 2 * p[0])
    expected = [math.log(p) for p in softmax(*u)]
    batch = points([[[5.0, 0.0]], [[0.0, 0.1]]], [[3.0, 4.0]])
    assert network.scores(batch)[0, 0].tolist() == pytest.approx(expected, abs=1e-6)
    assert network.loss(batch).item() == pytest.approx(-expected[0], abs=1e-6)


def test_examples_of_a_class_add_their_attention() -> None:
    network = MemoryNetwork(nn.Flatten(), 2, hops=0)
    unscaled(network)
    batch = points([[[1.0, 0.0], [0.6, 0.8]], [[0.0, 1.0], [-1.0, 0.0]]], [[1.0, 0.0]])
    p = softmax(1.0, 0.6, 0.0, -1.0)
    assert network.scores(batch)[0, 0].exp().tolist() == pytest.approx(
        [p[0] + p[1], p[2] + p[3]], abs=1e-6
    )


def test_untrained_hops_leave_attention_over_the_support() -> None:
    torch.manual_seed(0)
    batch = EpisodeBatch(torch.randn(2, 4, 3, 1, 1, 6), torch.randn(2, 5, 1, 1, 6))
    network = MemoryNetwork(nn.Flatten(), 6)
    matching = attend(batch.query.flatten(2), batch.support.flatten(3), scale=10.0)
    torch.testing.assert_close(network.scores(batch), matching, atol=1e-5, rtol=1e-5)


def test_the_key_value_network_by_hand() -> None:
    network = KeyValueMemoryNetwork(nn.Flatten(), 2, hops=2)
    unscaled(network)
    set_matrix(network.carry[0], [[0.0, 1.0], [0.0, 0.0]])  # R_1 (x, y) = (x + y, y)
    set_matrix(network.carry[1], [[0.0, 0.0], [-0.5, 0.0]])  # R_2 (x, y) = (x, y - x/2)
    set_matrix(network.candidate, [[0.0, 0.0], [0.0, 1.0]])  # B (x, y) = (x, 2y)
    batch = points([[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [-1.0, 0.0]]], [[4.0, 3.0]])
    keys = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (-1.0, 0.0)]
    first, second = unit(1, 1), (-1.0, 0.0)  # the classes' values
    q = unit(4, 3)
    for hop in range(2):
        p = softmax(*(q[0] * x + q[1] * y for x, y in keys))
        own, other = p[0] + p[1], p[2] + p[3]
        x = q[0] + own * first[0] + other * second[0]
        y = q[1] + own * first[1] + other * second[1]
        q = unit(x + y, y) if hop == 0 else unit(x, y - x / 2)
    fits = [q[0] * v[0] + q[1] * 2 * v[1] for v in (first, second)]
    expected = [math.log(p) for p in softmax(*fits)]
    assert network.scores(batch)[0, 0].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_first_step_of_adam_moves_a_vector_by_the_learning_rate_at_most() -> None:
    mixing = Mixing(64)
    optimizer = torch.optim.AdamW(mixing.parameters(), lr=0.01)
    vectors = F.normalize(torch.randn(10, 64, generator=torch.Generator().manual_seed(0)), dim=1)
    mixing(vectors).sum().backward()
    optimizer.step()
    moved: Tensor = mixing(vectors).norm(dim=1)
    assert 0 < moved.max() <= 0.0101
