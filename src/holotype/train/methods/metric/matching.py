"""Matching Networks (Vinyals et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import UnitEmbedder
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.picture_recipes import conv4_recipe


def attend(query: Tensor, support: Tensor, scale: float) -> Tensor:
    """Each class's share of the attention that a query pays to the support, as a logarithm.

    Equation 1 with the attention kernel of section 2.1.1: `a(x, x_i)` is the softmax over the
    support of the cosine of query and example, and a class has the sum of its examples' shares.

    Args:
        query: float32 [T, Q, D].
        support: float32 [T, N, K, D].
        scale: factor of the cosines in the softmax.

    Returns:
        Log-probabilities float32 [T, Q, N].
    """
    k_shot = support.shape[2]
    examples = F.normalize(support.flatten(1, 2), dim=-1)
    cosine = F.normalize(query, dim=-1) @ examples.transpose(1, 2)
    attention = torch.log_softmax(scale * cosine, dim=-1)
    return attention.view(*attention.shape[:2], -1, k_shot).logsumexp(-1)


class _Matching(ComparingMethod):
    backbone: nn.Module

    def encode(self, images: Tensor) -> Tensor:
        """The backbone's features [B, D]."""
        features: Tensor = self.backbone(images)
        return features

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean negative log-probability of the queries' classes (equation 2)."""
        return F.nll_loss(self.scores(batch).flatten(0, 1), batch.targets().flatten())


class MatchingNetworks(_Matching):
    """A query attends to the support by cosine, and the examples' labels vote.

    Queries and examples share one embedding (f = g, section 2.1.1). The paper's softmax takes the
    bare cosine (`scale` 1), which bounds the confidence: among 20 classes no class can have more
    than 28 %. A larger scale is a sharper attention; the ranking with one example is the same.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        scale: factor of the cosines in the softmax.
    """

    def __init__(self, backbone: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.scale = scale

    def embedder(self) -> nn.Module:
        """The backbone, scaled to unit length."""
        return UnitEmbedder(self.backbone)

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Log-probabilities: float32 [T, Q, N]."""
        return attend(query, support, self.scale)


class FullContextMatchingNetworks(_Matching):
    """Matching with full context: every embedding depends on the whole support set.

    A bidirectional LSTM reads the support in its order (so the order of the classes matters); an
    LSTM with attention over the support refines each query (section 2.1.2 and appendix A). There
    is no pack: an embedding that depends on the support cannot be enrolled on its own.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, dim].
        dim: of the features.
        scale: factor of the cosines in the softmax.
        reads: how often the query reads the support (K in the paper).
    """

    order_dependent = True

    def __init__(self, backbone: nn.Module, dim: int, scale: float = 1.0, reads: int = 10) -> None:
        super().__init__()
        self.backbone = backbone
        self.scale = scale
        self.reads = reads
        self.support_lstm = nn.LSTM(dim, dim, batch_first=True, bidirectional=True)
        self.query_lstm = nn.LSTMCell(2 * dim, dim)

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Log-probabilities: float32 [T, Q, N]."""
        # A recurrence in low precision drifts, and costs little beside the backbone.
        with torch.autocast(support.device.type, enabled=False):
            examples = self._in_context(support.flatten(1, 2))
            refined = self._refined(query, examples)
            return attend(refined, examples.view_as(support), self.scale)

    def _in_context(self, examples: Tensor) -> Tensor:
        """g: `g'(x_i)` plus both directions of the LSTM over the support, [T, N*K, D]."""
        both: Tensor = self.support_lstm(examples)[0]
        forward, backward = both.chunk(2, dim=-1)
        return forward + backward + examples

    def _refined(self, query: Tensor, examples: Tensor) -> Tensor:
        """f: the recurrence of appendix A.1, [T, Q, D] beside examples [T, N*K, D]."""
        pictures = query.flatten(0, 1)
        hidden = cell = torch.zeros_like(pictures)
        for _ in range(self.reads):
            attention = torch.softmax(hidden.view_as(query) @ examples.transpose(1, 2), dim=-1)
            read = (attention @ examples).flatten(0, 1)
            # The paper hands the reading in beside the hidden state. The gates are linear in
            # both, so beside the input it is the same.
            hidden, cell = self.query_lstm(torch.cat([pictures, read], 1), (hidden, cell))
            hidden = hidden + pictures
        return hidden.view_as(query)


# Bare cosines in the softmax learn slowly; see `MatchingNetworks`. Chosen on the validation
# classes: a fifth of the steps at 30 did better than all of them at 10.
_ATTENTION_SCALE = 30.0

RECIPES = {
    "matching": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: MatchingNetworks(backbone, _ATTENTION_SCALE),
            "cosine attention with f = g",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    },
    "matching-full-context": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: FullContextMatchingNetworks(
                backbone, backbone.embedding_dim, _ATTENTION_SCALE
            ),
            "cosine attention over embeddings in the context of the support",
            steps=12000,
            n_way=20,
            n_query=5,
        )
    },
}
