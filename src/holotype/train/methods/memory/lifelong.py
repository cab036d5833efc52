"""Life-long memory (Kaiser, Nachum, Roy and Bengio 2017, "Learning to Remember Rare Events")."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.errors import DataError
from holotype.preprocessing import Preprocessing
from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import embed
from holotype.train.feature_comparison import UnitVectorMethod
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings

EMPTY = -1  # the value of a slot that was never written
_NO_MATCH = -2.0  # below every cosine, and finite
_NEVER = 1 << 40  # the age of an empty slot: above that of any slot in use


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did to each of the T memories."""

    slot: Tensor  # int64 [T]
    merged: Tensor  # bool [T]: the nearest key had this value, and moved toward the query
    lost: Tensor  # int64 [T]: the value that was overwritten; `EMPTY` where none was


class LifelongMemory:
    """T memories side by side, each of M slots with a key, a value and an age (section 2).

    Keys are unit vectors. A write never fails: when no slot is empty, the one that was not
    written for the longest time is given up, and `Written` says what it held. The paper adds a
    random number to the ages, since several machines write at once; here one write follows
    another, ages differ, and the choice needs no chance.

    Args:
        slots: M, at least 1.
        dim: D, of the keys.
        memories: T, at least 1.

    Raises:
        DataError: one of them is below 1.
    """

    def __init__(self, slots: int, dim: int, memories: int = 1) -> None:
        for name, value in {"slots": slots, "dim": dim, "memories": memories}.items():
            if value < 1:
                raise DataError(f"{name}={value} is below 1", f"Set {name} to at least 1")
        self.keys = torch.zeros(memories, slots, dim)
        self.values = torch.full((memories, slots), EMPTY)
        # Empty slots are the oldest of all, the first one first.
        self.ages = (_NEVER + torch.arange(slots, 0, -1)).repeat(memories, 1)

    def similarity(self, query: Tensor) -> Tensor:
        """Cosine of each query to each key; -2 where the slot is empty.

        Args:
            query: unit float32 [T, Q, D].

        Returns:
            float32 [T, Q, M].
        """
        self._require(query.shape[0], query.shape[2])
        cosine = query @ self.keys.transpose(1, 2)
        return cosine.masked_fill((self.values == EMPTY)[:, None], _NO_MATCH)

    def read(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """The value of the nearest key, and how near it is.

        Args:
            query: unit float32 [T, Q, D].

        Returns:
            int64 [T, Q], `EMPTY` from an empty memory, and the cosine float32 [T, Q], then -2.
        """
        similarity, slot = self.similarity(query).max(2)
        return self.values.gather(1, slot), similarity

    def write(self, query: Tensor, value: Tensor) -> Written:
        """Remember one item in each memory (section 2, "Memory Update").

        Where the nearest key has the same value, it becomes the renormalized sum of itself and
        the query. Otherwise query and value take the oldest slot. The slot's age becomes 0, all
        others grow by 1.

        Args:
            query: unit float32 [T, D].
            value: int64 [T], at least 0.

        Raises:
            DataError: another shape, or a negative value, which would read as an empty slot.
        """
        self._require(*query.shape)
        if value.shape != query.shape[:1] or bool((value < 0).any()):
            raise DataError(
                f"values {value.tolist()} do not fit {len(query)} memories; each takes one "
                "integer of at least 0",
                "Number the classes from 0",
            )
        memory = torch.arange(len(query))
        nearest = self.similarity(query[:, None])[:, 0].argmax(1)
        merged = self.values[memory, nearest] == value
        slot = torch.where(merged, nearest, self.ages.argmax(1))
        lost = torch.where(merged, EMPTY, self.values[memory, slot])
        moved = F.normalize(query + self.keys[memory, nearest], dim=1)
        key = torch.where(merged[:, None], moved, query)
        # New tensors, not in place: in training the gradient still needs the old ones.
        self.keys = self.keys.index_put((memory, slot), key)
        self.values = self.values.index_put((memory, slot), value)
        self.ages = (self.ages + 1).index_put((memory, slot), torch.tensor(0))
        return Written(slot, merged, lost)

    def _require(self, memories: int, dim: int) -> None:
        found = (len(self.keys), self.keys.shape[2])
        if (memories, dim) != found:
            raise DataError(
                f"queries of {dim} dimensions for {memories} memories do not fit {found[0]} "
                f"memories with keys of {found[1]}",
                "Embed with the model that the memory was filled with",
            )


def memory_loss(similarity: Tensor, same: Tensor, margin: float = 0.1) -> Tensor:
    """The triplet-like loss (section 2, "Training"): `[q.K_b - q.K_p + margin]_+`.

    K_p is the nearest key of the query's own value, K_b the nearest of another one; the paper
    looks for them among the k nearest, here k is the whole memory. A query that lacks either
    costs nothing.

    Args:
        similarity: float32 [T, Q, M], as from `LifelongMemory.similarity`.
        same: bool [T, Q, M], whether the slot has the query's value.
        margin: alpha, in cosine.

    Returns:
        float32 scalar, the mean over all queries.
    """
    positive = similarity.masked_fill(~same, _NO_MATCH).amax(2)
    negative = similarity.masked_fill(same, _NO_MATCH).amax(2)
    both = (positive > _NO_MATCH) & (negative > _NO_MATCH)
    return (F.relu(negative - positive + margin) * both).mean()


class LifelongMemoryNetwork(UnitVectorMethod):
    """A backbone whose features are the keys of a life-long memory.

    In an episode the support is written into an empty memory, one example of each class after
    the other, and the queries only read, so that none depends on another. What trains is the
    memory loss of the queries; unlike in the paper its gradient also reaches the backbone
    through the keys, since all of an episode is at hand.

    With several examples, whether one merges with a key depends on what was written before it:
    the order of the classes may then matter.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, D].
        margin: alpha of the memory loss.
    """

    order_dependent = True

    def __init__(self, backbone: nn.Module, margin: float = 0.1) -> None:
        super().__init__(backbone)
        self.margin = margin

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean memory loss of the queries."""
        similarity, values = self._ask(*embed(self.encode, batch))
        same = values[:, None] == batch.targets()[:, :, None]
        return memory_loss(similarity, same, self.margin)

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Cosine to the nearest key of each class: float32 [T, Q, N]."""
        similarity, values = self._ask(support, query)
        of_class = values[:, None] == torch.arange(support.shape[1])[:, None]
        return similarity[:, :, None].masked_fill(~of_class[:, None], _NO_MATCH).amax(3)

    def _ask(self, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """What the queries find: similarity [T, Q, M] and the values of the slots [T, M]."""
        tasks, n_way, k_shot = support.shape[:3]
        # A product in bfloat16 is too coarse for a margin.
        with torch.autocast(support.device.type, enabled=False):
            memory = LifelongMemory(n_way * k_shot, query.shape[2], tasks)
            for shot in range(k_shot):
                for label in range(n_way):
                    memory.write(support[:, label, shot], torch.full((tasks,), label))
            return memory.similarity(query), memory.values


_CONV4 = PictureRecipe(
    build=lambda n_classes, size_px: LifelongMemoryNetwork(Conv4(size_px=size_px)),
    description="Conv4-64 at 28 px, memories of 60 classes with one example each, Vinyals split",
    preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
    settings=TrainingSettings(steps=4000, learning_rate=3e-3, precision="bfloat16"),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=60,
    n_query=5,
)

RECIPES = {
    "lifelong-memory": {
        "conv4": _CONV4,
        "characters": replace(
            _CONV4,
            description="the same on Omniglot's background alphabets, so that the evaluation "
            "characters are new to it: for a stream of them",
            training=("training",),
            selection="selection",
        ),
    }
}
