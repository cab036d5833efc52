"""Prototypical Networks (Snell, Swersky and Zemel 2017)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from holotype.preprocessing import Preprocessing
from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import UnitEmbedder, squared_distances
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.objectives import CosineSoftmax
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings


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


RECIPES = {
    "prototypical": {
        "conv4": PictureRecipe(
            build=lambda n_classes, size_px: PrototypicalNetworks(Conv4(size_px=size_px)),
            description="as in the paper: Conv4-64 at 28 px, 60-way 1-shot episodes with 5 queries "
            "(Snell et al. 2017, section 3.1), Vinyals split",
            preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
            settings=TrainingSettings(
                steps=10000,
                learning_rate=1e-3,
                schedule="halving",
                halve_every=2000,
                precision="bfloat16",
            ),
            training=("vinyals-train",),
            selection="vinyals-val",
            n_way=60,
            n_query=5,
        ),
    }
}
