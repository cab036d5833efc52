"""A body on its own: the norms' statistics held fixed, so that one picture has an embedding."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from holotype.train.methods.meta.adaptation import start_of
from holotype.train.methods.meta.layers import EPSILON, ConvBlock, Statistics
from holotype.train.methods.meta.networks import TaskConv4

_MOMENTUM = 0.1  # as batch norm has it


class BackgroundNorms(nn.Module):
    """The statistics of a body's norms over the background, followed while training.

    Within an episode the norms take their statistics from the support. A picture alone has none;
    what it gets are those of the pictures that training saw.

    Args:
        body: whose norms.
    """

    mean: Tensor  # [blocks, width]
    variance: Tensor  # [blocks, width], of the population

    def __init__(self, body: TaskConv4) -> None:
        super().__init__()
        shape = (len(body.blocks), len(_blocks(body)[0].scale))
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))

    @torch.no_grad()
    def follow(self, body: TaskConv4, pictures: Tensor) -> None:
        """Move towards the statistics of some pictures of the background.

        Args:
            body: as it stands.
            pictures: float32 [B, C, S, S].
        """
        found: Statistics = []
        functional_call(body, start_of(body, 1), (pictures[None], None, found))
        for index, (mean, variance) in enumerate(found):
            self.mean[index].lerp_(mean, _MOMENTUM)
            self.variance[index].lerp_(variance, _MOMENTUM)

    def fixed(self, body: TaskConv4) -> nn.Module:
        """The body with these statistics for good: float32 [B, C, S, S] -> [B, embedding_dim].

        The norms are folded into the convolutions; the weights are copies.
        """
        layers = [
            _folded(block, mean, variance)
            for block, mean, variance in zip(_blocks(body), self.mean, self.variance, strict=True)
        ]
        return nn.Sequential(*layers, nn.Flatten())


def _blocks(body: TaskConv4) -> list[ConvBlock]:
    return [cast(ConvBlock, block) for block in body.blocks]


@torch.no_grad()
def _folded(block: ConvBlock, mean: Tensor, variance: Tensor) -> nn.Module:
    """A block whose norm has these statistics: a convolution, 2x2 max pooling, ReLU."""
    scale = block.scale * torch.rsqrt(variance + EPSILON)
    outputs, inputs = block.weight.shape[:2]
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, dtype=scale.dtype)
    conv.weight.copy_(block.weight * scale[:, None, None, None])
    cast(Tensor, conv.bias).copy_(block.shift - mean * scale)
    return nn.Sequential(conv, nn.MaxPool2d(2), nn.ReLU())
