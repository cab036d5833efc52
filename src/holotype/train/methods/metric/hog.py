"""Histograms of oriented gradients (Dalal and Triggs 2005)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.feature_comparison import UnitVectorMethod

_ORIENTATIONS = 9  # bins over 0..180 degrees (section 6.3)
_BLOCK = 2  # cells to a side of a block (section 6.4)
_CLIP, _EPSILON = 0.2, 1e-5  # of the L2-Hys norm (section 6.4)


class Hog(nn.Module):
    """The descriptor in torch, so that it can be exported; equal to scikit-image's `hog`.

    Central differences, a histogram of unsigned directions weighted by magnitude in each cell,
    and the L2-Hys norm over overlapping blocks of 2 x 2 cells. Channels are averaged first.

    Args:
        cell_px: side of a cell; the pictures must have at least two to a side.
    """

    def __init__(self, cell_px: int = 4) -> None:
        super().__init__()
        self.cell_px = cell_px

    def forward(self, images: Tensor) -> Tensor:
        """float32 [B, C, H, W] -> float32 [B, 36 * blocks]."""
        cells = F.avg_pool2d(self._directed(images.mean(1)), self.cell_px)
        rows, columns = cells.shape[2] - _BLOCK + 1, cells.shape[3] - _BLOCK + 1
        blocks = torch.cat(
            [
                cells[:, :, i : i + rows, j : j + columns]
                for i in range(_BLOCK)
                for j in range(_BLOCK)
            ],
            dim=1,
        )
        return _unit(_unit(blocks).clamp_max(_CLIP)).flatten(1)

    @staticmethod
    def _directed(grey: Tensor) -> Tensor:
        """Magnitude of the gradient in the plane of its direction, else 0: [B, 9, H, W]."""
        down = F.pad(grey[:, 2:] - grey[:, :-2], (0, 0, 1, 1))
        right = F.pad(grey[:, :, 2:] - grey[:, :, :-2], (1, 1))
        # Opposite directions are one. Comparisons rather than an arc tangent, since an angle on
        # the border of a bin must fall into the same one wherever the graph runs.
        opposite = (down < 0) | ((down == 0) & (right < 0))
        sign = torch.where(opposite, -1.0, 1.0)
        magnitude, down, right = (down.square() + right.square()).sqrt(), down * sign, right * sign
        angles = [math.pi * i / _ORIENTATIONS for i in range(1, _ORIENTATIONS)]
        reached = torch.stack(
            [math.cos(angle) * down >= math.sin(angle) * right for angle in angles], dim=1
        ).float()
        of_bin = F.pad(reached, (0, 0, 0, 0, 1, 0), value=1.0) - F.pad(reached, (0, 0, 0, 0, 0, 1))
        return of_bin * magnitude[:, None]


class HogBaseline(UnitVectorMethod):
    """Nothing is learned: pictures are alike whose strokes run alike in the same places.

    Args:
        cell_px: side of a cell.
    """

    trainable = False

    def __init__(self, cell_px: int = 4) -> None:
        super().__init__(Hog(cell_px))


def _unit(blocks: Tensor) -> Tensor:
    return blocks / (blocks.square().sum(1, keepdim=True) + _EPSILON**2).sqrt()
