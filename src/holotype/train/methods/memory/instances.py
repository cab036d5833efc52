"""Learning from one instance after another, labels told a step late (Santoro et al. 2016).

At each step a network sees a picture and the label of the picture before, and says the label of
this one. So it has to bind pictures and labels that it saw at different times, and the first
instance of a class can only be guessed.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.device import uniform
from holotype.train.method import Method
from holotype.train.methods.memory.labels import Labels

State = TypeVar("State", bound=NamedTuple)


class Recurrent(Protocol[State]):
    """What carries the past: a module with a state that is a tuple of tensors [B, ...]."""

    said_dim: int  # of what a step says

    def announce(self, pictures: int) -> None:
        """Warn if sequences of so many pictures are too long for it."""

    def start(self, sequences: int) -> State:
        """The state before the first step."""

    def step(self, seen: Tensor, state: State) -> tuple[Tensor, State]:
        """float32 [B, features + label width] -> float32 [B, said_dim], and the new state."""


class Instances(NamedTuple):
    """B sequences of S pictures, each class several times."""

    images: Tensor  # float32 [S, B, C, H, W]
    label: Tensor  # int64 [S, B, letters]
    class_index: Tensor  # int64 [S, B] in 0..N-1

    def instance(self) -> Tensor:
        """Which showing of its class each picture is: int64 [S, B], from 1."""
        same = self.class_index.unsqueeze(0) == self.class_index.unsqueeze(1)
        return same.cumsum(1).diagonal(dim1=0, dim2=1).T


class InstanceMethod(Method):
    """A recurrent network over pictures and the labels of the step before.

    Trained on all pictures of an episode in random order, with random labels. Answers an episode
    by reading the support set, one example of each class after the other, and then each query
    by itself from the state that this left.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, features].
        features: what the backbone gives.
        recurrent: see `Recurrent`.
        labels: the labels that an episode's classes can get.
    """

    order_dependent = True
    clip_norm = 10.0

    def __init__(self, backbone: nn.Module, features: int, recurrent: Any, labels: Labels) -> None:
        super().__init__()
        self.backbone = backbone
        # Features of all pictures have much in common, ink and gray alike; memory is to compare
        # what differs. The variance of a pixel that is hardly ever drawn on must not be blown up.
        self.center = nn.BatchNorm1d(features, eps=0.01, affine=False)
        self.recurrent = recurrent
        self.labels = labels
        self.output = nn.Linear(recurrent.said_dim, labels.width)

    def sequences(self, batch: EpisodeBatch, generator: torch.Generator | None = None) -> Instances:
        """All pictures of each episode, with their labels, in random order.

        Raises:
            DataError: more classes than labels.
            TrainingError: the batch carries no `query_class`.
        """
        tasks, n_way, k_shot = batch.support.shape[:3]
        of_support = torch.arange(n_way).repeat_interleave(k_shot).expand(tasks, -1)
        class_index = torch.cat([of_support, batch.targets()], dim=1)
        images = torch.cat([batch.support.flatten(1, 2), batch.query], dim=1)
        order = uniform(class_index.shape, generator).argsort(1)
        rows = torch.arange(tasks)[:, None]
        class_index = class_index[rows, order]
        label = self.labels.draw(tasks, n_way, generator)[rows, class_index]
        return Instances(
            *(part.transpose(0, 1) for part in (images[rows, order], label, class_index))
        )

    def forward(self, images: Tensor, label: Tensor) -> Tensor:
        """What is said at each step, before its label is told: logits of the letters.

        Args:
            images: float32 [S, B, C, H, W].
            label: int64 [S, B, letters]; the label of a step is seen in the next.

        Returns:
            float32 [S, B, letters, alphabet].
        """
        seen = self.seen(images, label)
        state = self.recurrent.start(images.shape[1])
        said = []
        for step in seen.unbind(0):
            one, state = self.recurrent.step(step, state)
            said.append(one)
        return self._letters(torch.stack(said))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Mean negative log-probability of the letters, over all pictures."""
        shown = self.sequences(batch)
        logits = self(shown.images, shown.label)
        return F.cross_entropy(logits.flatten(0, 2), shown.label.flatten())

    def correct(self, shown: Instances) -> Tensor:
        """Whether each label, as a whole, was said before it was told: bool [S, B]."""
        said: Tensor = self(shown.images, shown.label).argmax(-1)
        return (said == shown.label).all(-1)

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """Log-probability of each class's label: float32 [T, Q, N]."""
        tasks, n_way = batch.support.shape[:2]
        queries = batch.query.shape[1]
        # Any labels will do; these are the same whenever it is asked.
        label = self.labels.draw(tasks, n_way, torch.Generator().manual_seed(0))
        shown = batch.support.transpose(1, 2).flatten(1, 2).transpose(0, 1)  # [K * N, T, C, H, W]
        told = label.transpose(0, 1).repeat(batch.support.shape[2], 1, 1)
        state = self.recurrent.start(tasks)
        seen = self.seen(shown, told)
        for step in seen.unbind(0):
            _, state = self.recurrent.step(step, state)
        apart = type(state)(*(part.repeat_interleave(queries, 0) for part in state))
        features = self.center(self.backbone(batch.query.flatten(0, 1)).float())
        last = self.labels.encode(told[-1]).repeat_interleave(queries, 0)
        said, _ = self.recurrent.step(torch.cat([features, last], dim=1), apart)
        logp = F.log_softmax(self._letters(said), dim=-1)
        logp = logp.view(tasks, queries, *logp.shape[1:])
        one_hot = F.one_hot(label, self.labels.alphabet).float()
        return torch.einsum("tqla,tnla->tqn", logp, one_hot)

    def seen(self, images: Tensor, label: Tensor) -> Tensor:
        """Features of each picture beside the label of the one before: [S, B, ...]."""
        self.recurrent.announce(len(images))
        # All pictures at once: the backbone does not depend on the past.
        features = self.center(self.backbone(images.flatten(0, 1)).float())
        features = features.view(*images.shape[:2], -1)
        late = F.pad(self.labels.encode(label)[:-1], (0, 0, 0, 0, 1, 0))
        return torch.cat([features, late], dim=-1)

    def _letters(self, said: Tensor) -> Tensor:
        logits: Tensor = self.output(said)
        return logits.view(*said.shape[:-1], self.labels.letters, self.labels.alphabet)
