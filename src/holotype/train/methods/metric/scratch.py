"""A conventional network, trained on the support alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.method import Method

_LEARNING_RATE, _MOMENTUM = 0.05, 0.9


class FromScratch(Method):
    """What training a classifier as usual gives where there are only the examples themselves.

    For each episode a fresh network is trained on the support, which it sees whole in each step,
    and then asked. There is no pack: nothing is left of one episode for the next.

    Args:
        backbone: size_px -> untrained network, pictures [B, C, H, W] -> features [B, D].
        steps: of gradient descent.
        seed: of the initial weights, the same in every episode.
    """

    trainable = False

    def __init__(
        self,
        backbone: Callable[[int], Conv4] = lambda size_px: Conv4(size_px=size_px),
        steps: int = 60,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.build = backbone
        self.steps = steps
        self.seed = seed

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """Log-probabilities: float32 [T, Q, N]."""
        # Inference mode would keep the networks from learning, and so would its tensors.
        with torch.inference_mode(False), torch.enable_grad():
            answers = [
                self.fit(support.clone())(query.clone()).log_softmax(1).detach()
                for support, query in zip(batch.support, batch.query, strict=True)
            ]
        return torch.stack(answers)

    def fit(self, support: Tensor) -> nn.Module:
        """Train a network on the support of one episode.

        Args:
            support: float32 [N, K, C, H, W].

        Returns:
            In evaluation mode: pictures [B, C, H, W] -> logits [B, N].
        """
        n_way, k_shot = support.shape[:2]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            backbone = self.build(support.shape[-1])
            head = nn.Linear(backbone.embedding_dim, n_way)
        # All classes start alike, so that their order makes no difference.
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        network = nn.Sequential(backbone, head)
        pictures, target = support.flatten(0, 1), torch.arange(n_way).repeat_interleave(k_shot)
        optimizer = SGD(network.parameters(), lr=_LEARNING_RATE, momentum=_MOMENTUM)
        for _ in range(self.steps):
            loss = F.cross_entropy(network(pictures), target)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return network.eval()
