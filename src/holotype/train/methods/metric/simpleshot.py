"""SimpleShot (Wang, Chao, Weinberger and van der Maaten 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import squared_distances
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.picture_recipes import conv4_recipe

_MOMENTUM = 0.1  # of the running mean, as batch norm has it


class Centered(nn.Module):
    """A backbone whose features are centered and scaled to length 1 (CL2N, section 2).

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, dim].
        dim: of the features.
    """

    center: Tensor  # [dim], mean feature of the background

    def __init__(self, backbone: nn.Module, dim: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("center", torch.zeros(dim))

    def forward(self, images: Tensor) -> Tensor:
        """float32 [B, C, H, W] -> unit vectors float32 [B, dim]."""
        return F.normalize(self.backbone(images).float() - self.center, dim=1)


class SimpleShot(ComparingMethod):
    """A plain classifier of the background; new classes are the nearest centered centroids.

    The mean feature of the background is followed while training, as batch norm follows its own
    statistics.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, dim].
        dim: of the features.
        n_classes: of the background.
    """

    undecayed = ("objective.",)

    def __init__(self, backbone: nn.Module, dim: int, n_classes: int) -> None:
        super().__init__()
        self.centered = Centered(backbone, dim)
        self.objective = nn.Linear(dim, n_classes)

    def embedder(self) -> nn.Module:
        """The backbone, centered and scaled to unit length."""
        return self.centered

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Cross entropy of all pictures as background classes (section 2)."""
        features = self.centered.backbone(batch.images()).float()
        if self.training:
            self.centered.center.lerp_(features.detach().mean(0), _MOMENTUM)
        return F.cross_entropy(self.objective(features).float(), batch.image_ids())

    def encode(self, images: Tensor) -> Tensor:
        """The backbone's features, centered, of length 1: [B, dim]."""
        vectors: Tensor = self.centered(images)
        return vectors

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Negative squared distances to the class centroids (section 2): float32 [T, Q, N]."""
        return -squared_distances(query, support.mean(2))


RECIPES = {
    "simpleshot": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: SimpleShot(backbone, backbone.embedding_dim, n_classes),
            "linear classifier of all background classes",
            steps=5000,
            n_way=180,
            n_query=1,
        )
    }
}
