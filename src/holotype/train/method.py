"""What every method of one-shot learning is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from holotype.records import Episode
from holotype.train.batches import EpisodeBatch, collate
from holotype.train.device import computing_on, moved
from holotype.train.learner import Learner


class Method(Learner[EpisodeBatch]):
    """A way to learn from background classes and to answer episodes of new ones.

    A subclass gives `loss` and `scores`, and `embedder` if it has an embedding. The class
    attributes declare where it departs from the common contract (see tests/learn).
    """

    transductive: bool = False  # the answer to one query depends on the others
    order_dependent: bool = False  # the order of the classes changes the answers

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """How well each query fits each class: float32 [T, Q, N], higher is better.

        Never reads `batch.query_class`.
        """
        raise NotImplementedError

    def embedder(self) -> nn.Module | None:
        """Pictures float32 [B, C, H, W] -> unit vectors [B, D]; None: it has no embedding."""
        return None

    def episode_scores(self, episode: Episode) -> NDArray[np.float32]:
        """The answer to one episode: float32 [Q, N], in evaluation mode."""
        with answering(self), computing_on(self.device):
            scores = self.scores(moved(collate([episode.unlabeled()]), self.device))[0]
            return cast(NDArray[np.float32], scores.float().cpu().numpy())


@contextmanager
def answering(method: Method) -> Iterator[None]:
    """In evaluation mode and without gradients; afterwards in the mode that it was in."""
    was_training = method.training
    method.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        method.train(was_training)
