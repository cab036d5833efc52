"""Embedding the pictures of episodes, and what an embedding gives without further learning."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch


class UnitEmbedder(nn.Module):
    """A backbone whose feature vectors are scaled to length 1."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        """float32 [B, C, H, W] -> unit vectors float32 [B, D]."""
        return F.normalize(self.backbone(images).float(), dim=1)


def embed(encode: Callable[[Tensor], Tensor], batch: EpisodeBatch) -> tuple[Tensor, Tensor]:
    """All pictures of a batch encoded, in one pass.

    One pass, so that batch norm sees support and queries together while training.

    Args:
        encode: float32 [B, C, H, W] -> [B, ...].
        batch: T episodes.

    Returns:
        float32 [T, N, K, ...] of the support and [T, Q, ...] of the queries.
    """
    shape, queries = batch.support.shape[:3], batch.query.shape[:2]
    features = encode(batch.images()).float()
    each = features.shape[1:]
    support, query = features[: shape.numel()], features[shape.numel() :]
    return support.reshape(*shape, *each), query.reshape(*queries, *each)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances: float32 [T, A, D], [T, B, D] -> [T, A, B]."""
    # Differences, not the expanded square: that one cancels digits where distances are small.
    return torch.square(a[:, :, None] - b[:, None]).sum(-1)


def cosine_to_prototypes(support: Tensor, query: Tensor) -> Tensor:
    """As an exported pack ranks: the cosine to each class's renormalized mean of unit vectors.

    Args:
        support: unit vectors float32 [T, N, K, D].
        query: unit vectors float32 [T, Q, D].

    Returns:
        float32 [T, Q, N] in [-1, 1].
    """
    return query @ F.normalize(support.mean(2), dim=-1).transpose(1, 2)
