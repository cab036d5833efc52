"""Triplet twins (FaceNet: Schroff, Kalenichenko and Philbin 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import embed, squared_distances
from holotype.train.feature_comparison import UnitVectorMethod
from holotype.train.picture_recipes import conv4_recipe


def semi_hard(squared: Tensor, label: Tensor, margin: float) -> Tensor:
    """The triplet loss with a semi-hard negative for every pair of one class.

    For anchor a and positive p the negative is the nearest one that is still farther than p
    (equation 4); where there is none, the farthest, which is the least hard. The loss is
    `max(0, d(a, p) - d(a, n) + margin)` (equation 3), d being squared distances.

    Args:
        squared: squared distances of all pictures of an episode, float32 [M, M].
        label: int64 [M]; at least two classes, and a class with two pictures.
        margin: alpha.

    Returns:
        The mean over all pairs of one class: float32 scalar.
    """
    equal = label[:, None] == label
    anchor, positive = torch.nonzero(equal & ~torch.eye(len(label), dtype=torch.bool)).unbind(1)
    of_positive = squared[anchor, positive]
    negatives = squared[anchor].masked_fill(equal[anchor], torch.inf)
    beyond = negatives.masked_fill(negatives <= of_positive[:, None], torch.inf).amin(1)
    farthest = squared[anchor].masked_fill(equal[anchor], -torch.inf).amax(1)
    of_negative = torch.where(beyond.isfinite(), beyond, farthest)
    return F.relu(of_positive - of_negative + margin).mean()


class TripletTwins(UnitVectorMethod):
    """Twins trained by triplets: an equal picture nearer than an unequal one, by a margin.

    Every two pictures of one class in the episode are anchor and positive, and the negative is
    mined within the episode. Features have length 1 (section 3.1).

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        margin: alpha of equation 3; 0.2 in the paper.
    """

    def __init__(self, backbone: nn.Module, margin: float = 0.2) -> None:
        super().__init__(backbone)
        self.margin = margin

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The triplet loss within each episode, averaged over the episodes."""
        support, query = embed(self.encode, batch)
        n_way, k_shot = support.shape[1:3]
        of_support = torch.arange(n_way).repeat_interleave(k_shot)
        pictures = torch.cat([support.flatten(1, 2), query], 1)
        losses = [
            semi_hard(squared, torch.cat([of_support, target]), self.margin)
            for squared, target in zip(
                squared_distances(pictures, pictures), batch.targets(), strict=True
            )
        ]
        return torch.stack(losses).mean()


RECIPES = {
    "triplet": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: TripletTwins(backbone),
            "semi-hard triplets within the episode",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    }
}
