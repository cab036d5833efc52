"""Backbones: pictures [B, C, H, W] in, feature vectors [B, D] out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F


class Conv4(nn.Module):
    """The four-block network of the few-shot papers (Vinyals et al. 2016, section 4.1.1).

    Each block: 3x3 convolution with `width` filters, batch norm, ReLU, 2x2 max pooling. At 28 px
    the output has `width` dimensions, at 84 px 25 times that. Here and below the pooling comes
    before the ReLU: the largest of four stays the largest, so values and gradients are the same
    to the bit, and a quarter of them passes the ReLU.
    """

    def __init__(self, channels: int = 1, width: int = 64, size_px: int = 28) -> None:
        super().__init__()
        blocks = []
        for inputs in (channels, width, width, width):
            blocks += [
                nn.Conv2d(inputs, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.MaxPool2d(2),
                nn.ReLU(),
            ]
        self.blocks = nn.Sequential(*blocks)
        self.embedding_dim = width * (size_px // 16) ** 2

    def forward(self, images: Tensor) -> Tensor:
        """float32 [B, C, size_px, size_px] -> float32 [B, embedding_dim]."""
        return cast(Tensor, self.blocks(images).flatten(1))


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut, then 2x2 max pooling (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        return F.relu(F.max_pool2d(y, 2))


class Residual(nn.Module):
    """A small residual network: stem at half resolution, residual blocks, one linear layer.

    The stem halves the picture at once, so that the same time buys wider late blocks; the last
    map is flattened, not averaged, because where a stroke lies is what tells characters apart.
    A picture drawn at twice its height is halved twice there, by a `stride` of (4, 2).
    """

    def __init__(
        self,
        channels: int = 1,
        size_px: int = 48,
        stem: int = 32,
        widths: Sequence[int] = (64, 128, 256),
        embedding_dim: int = 192,
        stride: tuple[int, int] = (2, 2),
    ) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim
        self.stem = nn.Sequential(
            nn.Conv2d(channels, stem, 5, stride=stride, padding=2, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
        )
        steps = [stem, *widths]
        self.blocks = nn.Sequential(
            *(_ResidualBlock(inputs, outputs) for inputs, outputs in pairwise(steps))
        )
        rows, columns = (size_px // step // 2 ** len(widths) for step in stride)
        self.project = nn.Linear(steps[-1] * rows * columns, embedding_dim, bias=False)
        self.norm = nn.BatchNorm1d(embedding_dim)

    def forward(self, images: Tensor) -> Tensor:
        """float32 [B, C, size_px, size_px] -> float32 [B, embedding_dim]."""
        features = self.blocks(self.stem(images)).flatten(1)
        return cast(Tensor, self.norm(self.project(features)))
