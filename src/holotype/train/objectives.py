"""Background objectives: what an embedding learns from the known classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CosineSoftmax(nn.Module):
    """Classification of the background classes by cosine similarity.

    CosFace (Wang et al. 2018, eq. 4): with unit features and unit class weights,
    `softmax(scale * (cos - margin * [true class]))`; the true class must win by the margin. The
    cross entropy is taken against smoothed labels (Szegedy et al. 2016, section 7).
    """

    def __init__(
        self,
        n_classes: int,
        dim: int,
        scale: float = 16.0,
        margin: float = 0.1,
        label_smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.margin = margin
        self.label_smoothing = label_smoothing
        self.weight = nn.Parameter(F.normalize(torch.randn(n_classes, dim), dim=1))

    def forward(self, features: Tensor, class_id: Tensor) -> Tensor:
        """The mean loss.

        Args:
            features: float32 [B, dim], of any length.
            class_id: int64 [B] in 0..n_classes-1.

        Returns:
            float32 scalar.
        """
        # A product in bfloat16 is off by up to 0.4 %, times the scale: too coarse for a softmax.
        with torch.autocast(features.device.type, enabled=False):
            unit = F.normalize(features.float(), dim=1)
            cosine = unit @ F.normalize(self.weight, dim=1).T
            cosine = cosine - self.margin * F.one_hot(class_id, len(self.weight))
            return F.cross_entropy(
                self.scale * cosine, class_id, label_smoothing=self.label_smoothing
            )
