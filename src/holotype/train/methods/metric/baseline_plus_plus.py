"""Baseline++ (Chen, Liu, Kira, Wang and Huang 2019)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import UnitEmbedder
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.objectives import CosineSoftmax
from holotype.train.picture_recipes import conv4_recipe

# As the paper's code fits the new classifier, 100 times over all examples.
_STEPS, _LEARNING_RATE, _MOMENTUM, _DAMPENING, _WEIGHT_DECAY = 100, 0.01, 0.9, 0.9, 0.001


def fit_cosine_classifier(support: Tensor, scale: float) -> Tensor:
    """Class weights fitted to the support by gradient descent.

    Minimizes the cross entropy of `softmax(scale * cosine)` as section 3.2 does on the novel
    classes. Two choices make the answer one and the same for the same support: each step sees all
    examples, and the weights start at the class means instead of at random.

    Args:
        support: unit vectors float32 [T, N, K, D].
        scale: factor of the cosines in the softmax.

    Returns:
        float32 [T, N, D], of any length.
    """
    n_way, k_shot = support.shape[1:3]
    examples = support.flatten(1, 2)
    target = torch.eye(n_way).repeat_interleave(k_shot, dim=0)
    weight, velocity = support.mean(2), None
    for _ in range(_STEPS):
        length = weight.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        unit = weight / length
        surplus = torch.softmax(scale * examples @ unit.transpose(1, 2), dim=-1) - target
        # The gradient by hand, since scoring runs where torch records none: first of the unit
        # weights, then only what of it turns them.
        of_unit = scale / len(target) * surplus.transpose(1, 2) @ examples
        turning = of_unit - (of_unit * unit).sum(-1, keepdim=True) * unit
        gradient = turning / length + _WEIGHT_DECAY * weight
        if velocity is None:
            velocity = gradient  # as torch begins, whose SGD the paper's code takes
        else:
            velocity = _MOMENTUM * velocity + (1 - _DAMPENING) * gradient
        weight = weight - _LEARNING_RATE * velocity
    return weight


class BaselinePlusPlus(ComparingMethod):
    """A cosine classifier of the background; for new classes a new one is fitted to the support.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        objective: the cosine classifier of the background classes; its scale serves new ones too.
    """

    undecayed = ("objective.",)

    def __init__(self, backbone: nn.Module, objective: CosineSoftmax) -> None:
        super().__init__()
        self.backbone = backbone
        self.objective = objective

    def embedder(self) -> nn.Module:
        """The backbone, scaled to unit length; a pack ranks by it without fitting anything."""
        return UnitEmbedder(self.backbone)

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Classification of all pictures as background classes."""
        return cast(Tensor, self.objective(self.backbone(batch.images()), batch.image_ids()))

    def encode(self, images: Tensor) -> Tensor:
        """The backbone's features [B, D]."""
        return cast(Tensor, self.backbone(images))

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Cosine to the fitted weights: float32 [T, Q, N]."""
        weight = fit_cosine_classifier(F.normalize(support, dim=-1), self.objective.scale)
        return F.normalize(query, dim=-1) @ F.normalize(weight, dim=-1).transpose(1, 2)


RECIPES = {
    "baseline++": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: BaselinePlusPlus(
                backbone,
                CosineSoftmax(n_classes, backbone.embedding_dim, margin=0.0, label_smoothing=0.0),
            ),
            "cosine classifier of all background classes",
            steps=5000,
            n_way=180,
            n_query=1,
        )
    }
}
