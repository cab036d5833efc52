"""Contrastive twins (Hadsell, Chopra and LeCun 2006)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import embed, squared_distances
from holotype.train.feature_comparison import UnitVectorMethod
from holotype.train.picture_recipes import conv4_recipe


def contrastive_losses(squared: Tensor, equal: Tensor, margin: float) -> Tensor:
    """Equation 4: equal pairs are pulled together, unequal ones pushed to at least the margin.

    Args:
        squared: squared distances of pairs, float32 [...].
        equal: bool [...], whether a pair is of one class.
        margin: distance from which an unequal pair costs nothing.

    Returns:
        float32 [...].
    """
    # The root has no gradient at 0, and within the margin it is taken of unequal pairs alone.
    distance = squared.clamp_min(1e-12).sqrt()
    return torch.where(equal, squared, torch.square(F.relu(margin - distance))) / 2


def balanced(losses: Tensor, equal: Tensor) -> Tensor:
    """The mean loss when half of the pairs are of one class and half of two.

    Args:
        losses: float32 [...], of each pair.
        equal: bool [...], whether a pair is of one class; both kinds occur.

    Returns:
        float32 scalar.
    """
    weight = equal.float()
    of_equal = (losses * weight).sum() / weight.sum()
    of_unequal = (losses * (1 - weight)).sum() / (1 - weight).sum()
    return (of_equal + of_unequal) / 2


class ContrastiveTwins(UnitVectorMethod):
    """Twins trained by pairs: equal ones near, unequal ones at least a margin apart.

    Features have length 1, which the paper leaves open, so that an exported pack ranks as the
    twins do; distances are then at most 2.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        margin: of equation 4.
    """

    def __init__(self, backbone: nn.Module, margin: float = 1.0) -> None:
        super().__init__(backbone)
        self.margin = margin

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean over all pairs of query and example, equal and unequal ones counting half."""
        support, query = embed(self.encode, batch)
        squared = squared_distances(query, support.flatten(1, 2))
        equal = F.one_hot(batch.targets(), support.shape[1]).bool()
        equal = equal.repeat_interleave(support.shape[2], dim=2)
        return balanced(contrastive_losses(squared, equal, self.margin), equal)


RECIPES = {
    "contrastive": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: ContrastiveTwins(backbone),
            "pairs, contrastive loss",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    }
}
