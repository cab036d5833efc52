"""Backbones: shapes, sizes, and what the papers say of them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from holotype.train.backbones import Conv4, Residual


@pytest.mark.parametrize(("size_px", "dim"), [(28, 64), (84, 1600)])
def test_conv4_has_the_dimensions_of_the_papers(size_px: int, dim: int) -> None:
    backbone = Conv4(size_px=size_px)
    assert backbone.embedding_dim == dim
    assert backbone(torch.zeros(2, 1, size_px, size_px)).shape == (2, dim)


def test_conv4_has_the_parameters_of_the_papers() -> None:
    # 3x3 convolutions with bias, and scale and shift of four batch norms, 64 filters each.
    expected = (9 * 1 * 64 + 64) + 3 * (9 * 64 * 64 + 64) + 4 * 2 * 64
    assert sum(p.numel() for p in Conv4().parameters()) == expected


def test_residual_gives_its_embedding_and_uses_every_parameter() -> None:
    backbone = Residual(size_px=32, stem=8, widths=(8, 16), embedding_dim=12)
    features = backbone(torch.randn(6, 1, 32, 32))
    assert features.shape == (6, 12)
    # A random direction: a batch norm's output has a fixed sum of squares, with no gradient.
    (features * torch.randn(6, 12)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in backbone.parameters())


def test_pooling_before_the_relu_changes_no_bit() -> None:
    torch.manual_seed(0)
    ours = Conv4(size_px=28).train()
    as_written = copy.deepcopy(ours)
    layers = as_written.blocks
    for pool in range(2, len(layers), 4):
        layers[pool], layers[pool + 1] = layers[pool + 1], layers[pool]
    assert isinstance(layers[2], nn.ReLU)
    images = torch.rand(6, 1, 28, 28)
    weights = torch.randn(6, 64)
    for network in (ours, as_written):
        (network(images) * weights).sum().backward()
    assert torch.equal(ours(images), as_written(images))
    for one, other in zip(ours.parameters(), as_written.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_residual_halves_the_height_once_more_where_it_is_drawn_double() -> None:
    wide = Residual(size_px=96, stem=8, widths=(8, 8, 8), embedding_dim=12, stride=(4, 2))
    assert wide(torch.rand(2, 1, 96, 96)).shape == (2, 12)
    assert wide.project.in_features == 8 * 3 * 6
