"""Prototypical Networks (Snell, Swersky and Zemel 2017)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from holotype.learn.batches import EpisodeBatch
from holotype.learn.comparing import ComparingMethod
from holotype.learn.embedding import UnitEmbedder, squared_distances
from holotype.learn.objectives import CosineSoftmax


class PrototypicalNetworks(ComparingMethod):
    """A class is the mean of its support features; a query goes to the nearest one.

    Without an objective exactly as in the paper: prototypes (eq. 1), softmax over negative
    squared Euclidean distances (eq. 2), trained by the mean negative log-probability of the
    queries' classes. With one, the backbone learns to classify the background classes instead,
    features and prototypes have length 1, and `scores` ranks as the exported pack does.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        objective: the background objective; None for the paper's own.
    """

    undecayed = ("objective.",)

    def __init__(self, backbone: nn.Module, objective: CosineSoftmax | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.objective = objective

    def embedder(self) -> nn.Module:
        """The backbone, scaled to unit length."""
        return UnitEmbedder(self.backbone)

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The objective over all pictures, or the paper's loss over the queries."""
        if self.objective is not None:
            features = self.backbone(batch.images())
            return cast(Tensor, self.objective(features, batch.image_ids()))
        return F.cross_entropy(self.scores(batch).flatten(0, 1), batch.targets().flatten())

    def encode(self, images: Tensor) -> Tensor:
        """The backbone's features [B, D]."""
        return cast(Tensor, self.backbone(images))

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Negative squared distances to the prototypes: float32 [T, Q, N]."""
        if self.objective is not None:
            support, query = F.normalize(support, dim=-1), F.normalize(query, dim=-1)
        prototypes = support.mean(2)
        if self.objective is not None:
            prototypes = F.normalize(prototypes, dim=-1)
        return -squared_distances(query, prototypes)
