"""Memory-augmented neural networks (Santoro et al. 2016)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.preprocessing import Preprocessing
from holotype.train.backbones import Conv4
from holotype.train.methods.memory import addressing, least_used
from holotype.train.methods.memory.instances import InstanceMethod
from holotype.train.methods.memory.labels import Labels
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings

_EMPTY = 1e-6
# Of a head before training: enough to tell one slot from the 127 others, or nothing is learned.
_STRENGTH = 10.0


class MANNState(NamedTuple):
    """What a step leaves to the next. B = sequences, H = heads, N x M = memory."""

    memory: Tensor  # float32 [B, N, M]
    reads: Tensor  # float32 [B, H, N]: read weightings
    writes: Tensor  # float32 [B, H, N]: write weightings
    usage: Tensor  # float32 [B, N]
    key: Tensor  # float32 [B, H, M]: what each head looked for
    reading: Tensor  # float32 [B, H * M]: what was read
    hidden: Tensor  # float32 [B, hidden] of the controller
    cell: Tensor  # float32 [B, hidden] of the controller


class LeastUsedMemory(nn.Module):
    """An LSTM with a memory that is read by content and written where it is least used.

    Departs from the paper in three things. Before all three were in, it stayed at guessing by
    exclusion for as long as it was tried; with them it binds labels within hundreds of steps. A key
    comes from what is seen and not from the LSTM, whose past makes the keys of one class differ. A
    head has a strength (Graves et al. 2014, equation 5), since a softmax over bare cosines can
    hardly tell slots apart. And what it writes (equation 8) is the key of the step before, with a
    vector from the LSTM added: the label of a picture is told a step late, so its key waits for it,
    and both are written to where that key was just read, or to a slot of least use.

    Args:
        inputs: numbers seen at each step.
        hidden: width of the LSTM.
        slots: number of memory slots, N.
        width: numbers in a slot, M.
        heads: number of heads, each reading and writing.
        decay: of the usage of a slot in a step.
    """

    initial_memory: Tensor

    def __init__(
        self,
        inputs: int,
        hidden: int = 200,
        slots: int = 128,
        width: int = 40,
        heads: int = 1,
        decay: float = 0.99,
    ) -> None:
        super().__init__()
        self.heads, self.width, self.decay = heads, width, decay
        self.controller = nn.LSTMCell(inputs + heads * width, hidden)
        # An LSTM's output starts small and alike for all inputs; keys must differ from the start.
        self.norm = nn.LayerNorm(hidden)
        self.key = nn.Linear(inputs, heads * width, bias=False)
        self.interface = nn.Linear(hidden, heads * (width + 2), bias=False)
        self.said_dim = hidden + heads * width
        # In the state, so that a run is not resumed with another memory.
        self.register_buffer("initial_memory", torch.full((slots, width), _EMPTY))

    def announce(self, pictures: int) -> None:
        """Warn of sequences that memory cannot hold.

        Warns:
            UserWarning: more pictures than slots.
        """
        slots = len(self.initial_memory)
        if pictures > slots:
            warnings.warn(
                f"{pictures} pictures and a memory of {slots} slots: when it is full, the least "
                "recently used slot is overwritten",
                stacklevel=2,
            )

    def start(self, sequences: int) -> MANNState:
        """The state before the first step: memory empty, no slot used."""
        memory = self.initial_memory.expand(sequences, -1, -1)
        nowhere = memory.new_zeros(sequences, self.heads, memory.shape[1])
        hidden = memory.new_zeros(sequences, self.controller.hidden_size)
        reading = memory.new_zeros(sequences, self.heads * self.width)
        key = reading.view(sequences, self.heads, self.width)
        return MANNState(memory, nowhere, nowhere, nowhere[:, 0], key, reading, hidden, hidden)

    def step(self, seen: Tensor, state: MANNState) -> tuple[Tensor, MANNState]:
        """One step on float32 [B, inputs]: float32 [B, hidden + H * M], and the new state."""
        hidden, cell = self.controller(
            torch.cat([seen, state.reading], dim=1), (state.hidden, state.cell)
        )
        said = self.norm(hidden)
        emitted = self.interface(said).view(len(hidden), self.heads, -1)
        beside, strength, gate = torch.split(emitted, [self.width, 1, 1], dim=2)
        key = torch.tanh(self.key(seen)).view_as(beside)

        # Written first, read then (equation 2): the label that was just told may be asked for now.
        # Which slot is least used is a choice without a gradient.
        least = least_used.least_used(state.usage.detach(), self.heads)
        writes = least_used.write_weighting(torch.sigmoid(gate), state.reads, least)
        memory = least_used.write(state.memory, least, writes, state.key + torch.tanh(beside))
        reads = addressing.by_content(key, F.softplus(_STRENGTH + strength), memory)
        reading = addressing.read(memory, reads).flatten(1)
        used = least_used.usage(state.usage, reads.detach(), writes.detach(), self.decay)
        after = MANNState(memory, reads, writes, used, key, reading, hidden, cell)
        return torch.cat([said, reading], dim=1), after


class MANN(InstanceMethod):
    """Writes each example and its label into memory, and reads the label back for a query.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, features]; `nn.Flatten` for the
            pixels themselves, as in the paper.
        features: what the backbone gives.
        labels: the labels that an episode's classes can get.
        hidden: width of the LSTM.
        slots: number of memory slots.
        width: numbers in a slot.
        heads: number of heads.
    """

    def __init__(
        self,
        backbone: nn.Module,
        features: int,
        labels: Labels | None = None,
        hidden: int = 200,
        slots: int = 128,
        width: int = 40,
        heads: int = 1,
    ) -> None:
        labels = labels or Labels()
        memory = LeastUsedMemory(features + labels.width, hidden, slots, width, heads)
        super().__init__(backbone, features, memory, labels)


class LSTMState(NamedTuple):
    """Of an LSTM, each float32 [B, hidden]."""

    hidden: Tensor
    cell: Tensor


class PlainLSTM(nn.Module):
    """An LSTM and no memory beside it: the control.

    Args:
        inputs: numbers seen at each step.
        hidden: width.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.said_dim = hidden

    def announce(self, pictures: int) -> None:
        """No length is too long for it."""

    def start(self, sequences: int) -> LSTMState:
        """The state before the first step."""
        nothing = self.cell.weight_hh.new_zeros(sequences, self.said_dim)
        return LSTMState(nothing, nothing)

    def step(self, seen: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step on float32 [B, inputs]: float32 [B, hidden], and the new state."""
        after = LSTMState(*self.cell(seen, state))
        return self.norm(after.hidden), after


_WIDTH = 32  # of the convolutional embedding
_LSTM = 224  # makes the control as large as the network that has the memory
_STRINGS = Labels(alphabet=5, letters=5)


def _mann(labels: Labels) -> Callable[[int, int], InstanceMethod]:
    return lambda n_classes, size_px: MANN(Conv4(width=_WIDTH, size_px=size_px), _WIDTH, labels)


def _pixels(n_classes: int, size_px: int) -> InstanceMethod:
    return MANN(nn.Flatten(), size_px**2)


def _lstm(n_classes: int, size_px: int) -> InstanceMethod:
    labels, backbone = Labels(), Conv4(width=_WIDTH, size_px=size_px)
    return InstanceMethod(backbone, _WIDTH, PlainLSTM(_WIDTH + labels.width, _LSTM), labels)


_CONV = PictureRecipe(
    build=_mann(Labels()),
    description="the paper's protocol, 5 classes and 50 pictures of 20 px in random order, with "
    "a convolutional embedding; Vinyals split (Santoro et al. 2016, section 4.1)",
    preprocessing=Preprocessing("frame", size_px=20, margin_px=0),
    settings=TrainingSettings(steps=4000, learning_rate=3e-3, validate_every=500),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=5,
    n_query=9,
    tasks=16,
    validation_n_way=5,
)

RECIPES: dict[str, dict[str, PictureRecipe]] = {
    "mann": {
        "conv": _CONV,
        "pixels": replace(
            _CONV, build=_pixels, description="the same on bare pixels, as in the paper"
        ),
        "strings": replace(
            _CONV,
            build=_mann(_STRINGS),
            description="15 classes and 105 pictures, labels of five letters from five "
            "(Santoro et al. 2016, section 4.1)",
            n_way=15,
            n_query=6,
            tasks=8,
        ),
        "conv-lstm": replace(
            _CONV, build=_lstm, description="the control: an LSTM of equal size without a memory"
        ),
    },
}
