"""The networks that are adapted: [T, B, ...] in, [T, B, D] out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.methods.meta.layers import ConvBlock, Linear, Statistics, tasks_in_channels


class TaskConv4(nn.Module):
    """Four blocks of convolution, batch norm, ReLU and max pooling (Vinyals et al. 2016, 4.1.1).

    At 28 px the output has `width` dimensions.
    """

    def __init__(
        self, channels: int = 1, width: int = 64, size_px: int = 28, depth: int = 4
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(inputs, width) for inputs in (channels, *[width] * (depth - 1))
        )
        self.embedding_dim = width * (size_px // 2**depth) ** 2

    def forward(
        self, pictures: Tensor, reference: int | None = None, found: Statistics | None = None
    ) -> Tensor:
        """[T, B, C, S, S] -> [T, B, embedding_dim]; the parameters with a task axis.

        Args:
            pictures: of T tasks.
            reference: the norms' statistics are those of the first so many pictures of a task;
                None: of all.
            found: a list to append the statistics of each block to.
        """
        tasks = pictures.shape[0]
        x = tasks_in_channels(pictures)
        for block in self.blocks:
            x = block(x, reference, found)
        return x.reshape(len(x), tasks, -1).transpose(0, 1)


class Perceptron(nn.Module):
    """Linear layers with ReLU between them, as in Finn et al. 2017, section 5.1."""

    def __init__(self, widths: Sequence[int] = (1, 40, 40, 1)) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(*pair) for pair in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """[T, B, widths[0]] -> [T, B, widths[-1]]; the parameters with or without a task axis."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return cast(Tensor, self.layers[-1](x))
