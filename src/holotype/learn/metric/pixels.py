"""The pixels themselves (a baseline of Vinyals et al. 2016, table 1)."""

from __future__ import annotations

from torch import Tensor, nn

from holotype.learn.batches import EpisodeBatch
from holotype.learn.embedding import UnitEmbedder, cosine_to_prototypes, embed
from holotype.learn.method import Method


class Pixels(Method):
    """Nothing is learned: pictures are alike whose pixels are, by cosine."""

    trainable = False

    def __init__(self) -> None:
        super().__init__()
        self.flat = UnitEmbedder(nn.Flatten())

    def embedder(self) -> nn.Module:
        """The pixels as one vector of length 1."""
        return self.flat

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """Cosine to each class's prototype: float32 [T, Q, N]."""
        return cosine_to_prototypes(*embed(self.flat, batch))
