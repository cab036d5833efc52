"""Key-value memory networks (Miller, Fisch, Dodge, Karimi, Bordes and Weston 2016)."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.feature_comparison import UnitVectorMethod
from holotype.train.methods.memory import memory_network
from holotype.train.methods.memory.memory_network import INITIAL_SCALE, Mixing, read


class KeyValueMemoryNetwork(UnitVectorMethod):
    """A memory that is addressed by one thing and returns another.

    Each support example is a slot: its own features are the key, what its class looks like (the
    mean features of the class, scaled to length 1) is the value, and the classes' values are the
    candidates y. A hop reads `o = sum_i p_i v_i` with `p = softmax(scale * q.k)` and goes on with
    `q <- R_j (q + o)` (section 3.1), scaled to length 1. The answer is the softmax over
    `scale * q.B y`. R_j and B start at the identity; the paper's A is the backbone.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        embedding_dim: D.
        hops: reads before the answer, each with its own R_j.
    """

    def __init__(self, backbone: nn.Module, embedding_dim: int, hops: int = 2) -> None:
        super().__init__(backbone)
        # R_j and B, each without its identity.
        self.carry = nn.ModuleList(Mixing(embedding_dim) for _ in range(hops))
        self.candidate = Mixing(embedding_dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(INITIAL_SCALE)))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean negative log-probability of the queries' classes."""
        return F.nll_loss(self.scores(batch).flatten(0, 1), batch.targets().flatten())

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Log-probabilities of the classes: float32 [T, Q, N]."""
        # A product in bfloat16, times the scale, is too coarse for a softmax.
        with torch.autocast(support.device.type, enabled=False):
            classes = F.normalize(support.mean(2), dim=2)
            keys, values = support.flatten(1, 2), classes.repeat_interleave(support.shape[2], dim=1)
            scale = self.log_scale.exp()
            for carry in self.carry:
                query = query + read(query, keys, values, scale)
                query = F.normalize(query + carry(query), dim=2)
            fit = query @ (classes + self.candidate(classes)).transpose(1, 2)
            return torch.log_softmax(scale * fit, 2)


def _on_conv4(n_classes: int, size_px: int) -> KeyValueMemoryNetwork:
    backbone = Conv4(size_px=size_px)
    return KeyValueMemoryNetwork(backbone, backbone.embedding_dim)


RECIPES = {
    "key-value-memory": {
        "conv4": replace(memory_network.RECIPES["memory-network"]["conv4"], build=_on_conv4)
    }
}
