"""Siamese Networks (Koch, Zemel and Salakhutdinov 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import embed
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.picture_recipes import conv4_recipe


class SiameseNetworks(ComparingMethod):
    """Twins judge whether two pictures are of one class; a class answers with its best pair.

    The probability of a pair is `sigmoid(sum_j a_j |h1_j - h2_j| + b)` with learned weights `a`
    (section 3.1) and a bias. There is no pack: the weighted L1 distance is learned with the twins,
    and the Recognizer ranks by cosine.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, dim].
        dim: of the features.
    """

    def __init__(self, backbone: nn.Module, dim: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.weigh = nn.Linear(dim, 1)
        # From the first step on, what differs speaks against a pair.
        nn.init.constant_(self.weigh.weight, -1 / math.sqrt(dim))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean binary cross entropy (section 3.2) of all pairs of query and example.

        The paper draws pairs at random, half of them equal. Here unequal pairs outnumber equal
        ones as they do when the best of N pairs is sought, and the hard ones are always among them.
        """
        logits = self._logits(*embed(self.encode, batch))
        equal = F.one_hot(batch.targets(), logits.shape[2])[..., None].expand_as(logits)
        return F.binary_cross_entropy_with_logits(logits, equal.float())

    def encode(self, images: Tensor) -> Tensor:
        """The twin's features [B, dim]."""
        features: Tensor = self.backbone(images)
        return features

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """The log-odds of the best pair: float32 [T, Q, N]."""
        return self._logits(support, query).amax(-1)

    def _logits(self, support: Tensor, query: Tensor) -> Tensor:
        """Log-odds that query and example are of one class, [T, Q, N, K]."""
        with torch.autocast(support.device.type, enabled=False):
            difference = (query[:, :, None, None] - support[:, None]).abs()
            logits: Tensor = self.weigh(difference)[..., 0]
        return logits


RECIPES = {
    "siamese": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: SiameseNetworks(backbone, backbone.embedding_dim),
            "verification pairs, weighted L1 distance",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    }
}
