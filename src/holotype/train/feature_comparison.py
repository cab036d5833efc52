"""Methods that turn each picture into features on its own, and then compare features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from holotype.records import Episode
from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import UnitEmbedder, cosine_to_prototypes, embed
from holotype.train.method import Method, answering


class ComparingMethod(Method):
    """What a picture's features are does not depend on the episode, so each is encoded once.

    A subclass gives `encode` and `compare` in place of `scores`. Thousands of episodes over the
    same pictures then cost one pass of the network over each picture, and the comparisons.
    """

    def encode(self, images: Tensor) -> Tensor:
        """Pictures float32 [B, C, H, W] -> features [B, ...]."""
        raise NotImplementedError

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """How well each query fits each class.

        Args:
            support: features [T, N, K, ...].
            query: features [T, Q, ...].

        Returns:
            float32 [T, Q, N], higher is better.
        """
        raise NotImplementedError

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """What `compare` says of the encoded pictures: float32 [T, Q, N]."""
        return self.compare(*embed(self.encode, batch))

    def features(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """`encode` in evaluation mode: float32 [B, C, H, W] -> [B, ...]."""
        with answering(self):
            return np.asarray(self.encode(torch.tensor(pictures)).float().numpy())

    def feature_scores(self, episode: Episode) -> NDArray[np.float32]:
        """`episode_scores` of an episode that holds features: float32 [Q, N]."""
        with answering(self):
            support, query = (
                torch.from_numpy(np.ascontiguousarray(part))[None]
                for part in (episode.support, episode.query)
            )
            return np.asarray(self.compare(support, query)[0].float().numpy())


def asked(
    method: Method,
) -> tuple[
    Callable[[NDArray[np.float32]], NDArray[np.float32]] | None,
    Callable[[Episode], NDArray[np.float32]],
]:
    """How `evaluation.accuracy` asks a method about many episodes of the same pictures.

    Returns:
        What encodes prepared pictures beforehand, float32 [B, C, H, W] -> [B, ...], or None; and
        what answers an episode of these features, or of pictures where there is no encoding.
    """
    if isinstance(method, ComparingMethod):
        return method.features, method.feature_scores
    return None, method.episode_scores


class UnitVectorMethod(ComparingMethod):
    """Features are unit vectors, and what an exported pack computes.

    Unless a subclass says otherwise, a class answers with the cosine to its prototype.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.unit = UnitEmbedder(backbone)

    def embedder(self) -> nn.Module:
        """The backbone, scaled to unit length."""
        return self.unit

    def encode(self, images: Tensor) -> Tensor:
        """Unit vectors [B, D]."""
        vectors: Tensor = self.unit(images)
        return vectors

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Cosine to each class's prototype: float32 [T, Q, N]."""
        return cosine_to_prototypes(support, query)
