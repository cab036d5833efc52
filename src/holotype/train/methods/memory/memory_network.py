"""End-to-end memory networks (Sukhbaatar, Szlam, Weston and Fergus 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.preprocessing import Preprocessing
from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.feature_comparison import UnitVectorMethod
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings

INITIAL_SCALE = 10.0  # of cosines in the softmax, before training


def read(query: Tensor, keys: Tensor, values: Tensor, scale: Tensor | float) -> Tensor:
    """One read of the memory: `o = sum_i p_i c_i` with `p = softmax(scale * u.m)` (eqs. 1 and 2).

    Args:
        query: u, float32 [T, Q, D].
        keys: m, float32 [T, M, D].
        values: c, float32 [T, M, D].
        scale: of the inner products; the paper's is 1, for vectors that are not of length 1.

    Returns:
        o, float32 [T, Q, D].
    """
    return torch.softmax(scale * query @ keys.transpose(1, 2), 2) @ values


class Mixing(nn.Module):
    """A square matrix of a hop that starts at zero: `x -> W x / D`.

    Adam moves every entry by about the learning rate. Divided by D, all of them together move a
    vector by about as much, and not D times as far, before the backbone can follow.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(dim, dim))

    def forward(self, vectors: Tensor) -> Tensor:
        """float32 [..., D] -> float32 [..., D]."""
        return F.linear(vectors, self.weight / len(self.weight))


class MemoryNetwork(UnitVectorMethod):
    """The support is the memory; several reads refine a query before it is answered.

    Memory vectors m and the query u are the backbone's features, scaled to length 1; output
    vectors are `c = C m`. Each hop takes `u <- H u + o` (eq. 7, all hops sharing C and H: section
    2.2, "layer-wise"), scaled to length 1 again so that one learned temperature serves all hops.
    The answer is the attention of one last read, summed over the examples of each class: the
    labels of an episode are arbitrary, so that the memory itself takes the place of W (eq. 3).
    C starts at zero and H at the identity: untrained hops leave a query as it is.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        embedding_dim: D.
        hops: reads before the answer; 0 is attention over the support (Vinyals et al. 2016, eq. 1).
    """

    def __init__(self, backbone: nn.Module, embedding_dim: int, hops: int = 3) -> None:
        super().__init__(backbone)
        self.hops = hops
        self.output = Mixing(embedding_dim)  # C
        self.carry = Mixing(embedding_dim)  # H without its identity
        self.log_scale = nn.Parameter(torch.tensor(math.log(INITIAL_SCALE)))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean negative log-probability of the queries' classes."""
        return F.nll_loss(self.scores(batch).flatten(0, 1), batch.targets().flatten())

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Log-probabilities of the classes: float32 [T, Q, N]."""
        # A product in bfloat16, times the scale, is too coarse for a softmax.
        with torch.autocast(support.device.type, enabled=False):
            memory = support.flatten(1, 2)
            scale, output = self.log_scale.exp(), self.output(memory)
            for _ in range(self.hops):
                answer = read(query, memory, output, scale)
                query = F.normalize(query + self.carry(query) + answer, dim=2)
            attention = torch.log_softmax(scale * query @ memory.transpose(1, 2), 2)
            of_class = attention.reshape(*attention.shape[:2], -1, support.shape[2])
            return of_class.logsumexp(3)


def _on_conv4(n_classes: int, size_px: int) -> MemoryNetwork:
    backbone = Conv4(size_px=size_px)
    return MemoryNetwork(backbone, backbone.embedding_dim)


RECIPES = {
    "memory-network": {
        "conv4": PictureRecipe(
            build=_on_conv4,
            description="Conv4-64 at 28 px, 60-way 1-shot episodes with 5 queries, Vinyals split",
            preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
            settings=TrainingSettings(steps=4000, learning_rate=3e-3, precision="bfloat16"),
            training=("vinyals-train",),
            selection="vinyals-val",
            n_way=60,
            n_query=5,
        )
    }
}
