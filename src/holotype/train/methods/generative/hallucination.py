"""Feature hallucination (Hariharan and Girshick 2017; Wang, Girshick, Hebert et al. 2018)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.learner import Learner


class Hallucinator(Learner[Tensor]):
    """From one embedding, others that its class may have: a network moves it by way of noise.

    The generator is that of Wang et al. 2018 (section 4.2), a network of three layers over the
    embedding and noise. It is trained by the energy score (Gneiting & Raftery 2007, equation 21),
    which only the true distribution of further embeddings of the class minimizes, so that neither
    a second player nor a classifier is needed.

    Args:
        dim: D, of the embeddings.
        noise_dim: of the noise.
        width: of the hidden layers.
    """

    def __init__(self, dim: int, noise_dim: int = 32, width: int = 512) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        last = nn.Linear(width, dim)
        nn.init.zeros_(last.weight)  # it begins by leaving every embedding where it is
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            nn.Linear(dim + noise_dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), last
        )

    def forward(self, seeds: Tensor, noise: Tensor) -> Tensor:
        """Unit vectors [..., D] and noise [..., noise_dim] -> unit vectors [..., D]."""
        moved = seeds + self.layers(torch.cat([seeds, noise], dim=-1))
        return F.normalize(moved, dim=-1)

    def loss(self, batch: Tensor) -> Tensor:
        """The mean energy score of as many draws as there are further examples.

        Args:
            batch: unit vectors float32 [B, 1 + M, D] of B classes; the first of each is the seed,
                and M is at least 2.
        """
        seeds, others = batch[:, :1], batch[:, 1:]
        count = others.shape[1]
        shape = (len(batch), count, self.noise_dim)
        drawn = self(seeds.expand(-1, count, -1), torch.randn(shape))
        return energy_score(drawn, others)

    def imagine(self, embeddings: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Others that the class of each embedding may have.

        Args:
            embeddings: unit vectors float32 [N, D].
            count: of each.
            generator: of the noise.

        Returns:
            Unit vectors float32 [N, count, D].
        """
        noise = torch.randn((len(embeddings), count, self.noise_dim), generator=generator)
        return cast(Tensor, self(embeddings[:, None].expand(-1, count, -1), noise))


def energy_score(drawn: Tensor, observed: Tensor) -> Tensor:
    """E|x - y| - E|x - x'| / 2 over draws x and observations y, the mean over B: a scalar.

    Args:
        drawn: float32 [B, M, D], M at least 2; the second mean is over pairs of different draws.
        observed: float32 [B, P, D].
    """
    count = drawn.shape[1]
    to_observed = torch.cdist(drawn, observed).mean((1, 2))
    among = torch.cdist(drawn, drawn).sum((1, 2)) / (count * (count - 1))
    return (to_observed - among / 2).mean()
