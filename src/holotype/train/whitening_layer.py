"""The head of `holotype.stats.whitening`, as a part of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from holotype.stats.whitening import Doubles


class Whitening(nn.Module):
    """An affine map of features, found by `fit_whitening`.

    Args:
        mean: [F].
        matrix: [F, D].
    """

    def __init__(self, mean: Doubles, matrix: Doubles) -> None:
        super().__init__()
        self.linear = nn.Linear(*matrix.shape)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(matrix.T))
            self.linear.bias.copy_(torch.from_numpy(-mean @ matrix))

    def forward(self, features: Tensor) -> Tensor:
        """Float32 [B, F] -> float32 [B, D], not of unit length."""
        result: Tensor = self.linear(features)
        return result
