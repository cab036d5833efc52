"""Neural Turing Machines (Graves, Wayne and Danihelka 2014)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.methods.memory import addressing
from holotype.train.methods.memory.sequence_learner import SequenceLearner
from holotype.train.methods.memory.sequence_recipe import SETTINGS, SequenceRecipe
from holotype.train.settings import require_word

Controller = Literal["feedforward", "lstm"]

# Small and the same everywhere: learns several times faster than a random or learned start
# (Collier and Beel 2018, section 4).
_EMPTY = 1e-6
_REACH = 1  # slots that a head can move in a step
_SHIFTS = 2 * _REACH + 1


class NTMState(NamedTuple):
    """What a step leaves to the next. B = sequences, H = heads, N x M = memory."""

    memory: Tensor  # float32 [B, N, M]
    weighting: Tensor  # float32 [B, 2H, N]: of the read heads, then of the write heads
    reading: Tensor  # float32 [B, H * M]: what the read heads found
    hidden: Tensor  # float32 [B, hidden] of the controller
    cell: Tensor | None  # float32 [B, hidden]; None: the controller has none


class NeuralTuringMachine(SequenceLearner):
    """A controller with a memory that it addresses by content and by location.

    In each step all heads address the memory that the last step left; the read heads read it,
    then the write heads change it. At the start memory is empty and every head is at slot 0.

    Args:
        inputs: numbers per input vector.
        outputs: bits per output vector.
        controller: "feedforward" (one hidden layer) or "lstm".
        hidden: width of the controller.
        slots: number of memory slots, N.
        width: numbers in a slot, M.
        heads: number of read heads, and of write heads.
    """

    initial_memory: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        controller: Controller = "lstm",
        hidden: int = 100,
        slots: int = 128,
        width: int = 20,
        heads: int = 1,
    ) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        sees = inputs + heads * width
        require_word("controller", controller, get_args(Controller))
        self.controller: nn.Module = (
            nn.LSTMCell(sees, hidden) if controller == "lstm" else nn.Linear(sees, hidden)
        )
        # Each head: key, strength, sharpness, gate, shifts; each write head: erase, add as well.
        self.addressed = (2 * heads, width + 3 + _SHIFTS)
        self.written = (heads, 2 * width)
        sizes = [count * size for count, size in (self.addressed, self.written)]
        self.interface = nn.Linear(hidden, sum(sizes))
        self.sizes = sizes
        self.output = nn.Linear(hidden + heads * width, outputs)
        # In the state, so that a run is not resumed with another memory.
        self.register_buffer("initial_memory", torch.full((slots, width), _EMPTY))

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 [T, B, inputs] -> logits float32 [T, B, outputs]; see `SequenceLearner`."""
        states = list(self.unroll(inputs))
        hidden = torch.stack([state.hidden for state in states])
        reading = torch.stack([state.reading for state in states])
        logits: Tensor = self.output(torch.cat([hidden, reading], dim=-1))
        return logits

    def unroll(self, inputs: Tensor) -> Iterator[NTMState]:
        """The state after each step of inputs float32 [T, B, inputs].

        Warns:
            UserWarning: more steps than slots, so that memory cannot hold them all.
        """
        slots = len(self.initial_memory)
        if len(inputs) > slots:
            warnings.warn(
                f"{len(inputs)} steps and a memory of {slots} slots: a head that writes at every "
                f"step comes around after {slots} and overwrites what was written first",
                stacklevel=2,
            )
        state = self.start(inputs.shape[1])
        for vectors in inputs.unbind(0):
            state = self.step(vectors, state)
            yield state

    def start(self, sequences: int) -> NTMState:
        """The state before the first step."""
        memory = self.initial_memory.expand(sequences, -1, -1)
        weighting = memory.new_zeros(sequences, 2 * self.heads, len(self.initial_memory))
        weighting[..., 0] = 1
        hidden = memory.new_zeros(sequences, self.interface.in_features)
        return NTMState(
            memory,
            weighting,
            memory.new_zeros(sequences, self.heads * self.width),
            hidden,
            hidden if isinstance(self.controller, nn.LSTMCell) else None,
        )

    def step(self, vectors: Tensor, state: NTMState) -> NTMState:
        """One step on vectors float32 [B, inputs]."""
        seen = torch.cat([vectors, state.reading], dim=1)
        cell = None
        if state.cell is not None:
            hidden, cell = self.controller(seen, (state.hidden, state.cell))
        else:
            hidden = torch.relu(self.controller(seen))

        address, change = torch.split(self.interface(hidden), self.sizes, dim=1)
        weighting = self._weighting(address.reshape(-1, *self.addressed), state)
        reads, writes = weighting.chunk(2, dim=1)
        erase, add = change.reshape(-1, *self.written).chunk(2, dim=2)
        return NTMState(
            addressing.write(state.memory, writes, torch.sigmoid(erase), torch.tanh(add)),
            weighting,
            addressing.read(state.memory, reads).flatten(1),
            hidden,
            cell,
        )

    def _weighting(self, emitted: Tensor, state: NTMState) -> Tensor:
        """All five stages of addressing (figure 2), for all heads: float32 [B, 2H, N]."""
        key, positive, gate, shifts = torch.split(emitted, [self.width, 2, 1, _SHIFTS], dim=2)
        strength, sharpness = F.softplus(positive).chunk(2, dim=2)
        content = addressing.by_content(torch.tanh(key), strength, state.memory)
        weighting = addressing.interpolate(state.weighting, content, torch.sigmoid(gate))
        weighting = addressing.shift(weighting, F.softmax(shifts, dim=2))
        return addressing.sharpen(weighting, 1 + sharpness)


def recipe_build(controller: Controller) -> Callable[[int, int], SequenceLearner]:
    """The network that the recipes train, by the widths of its inputs and outputs."""
    return lambda inputs, outputs: NeuralTuringMachine(inputs, outputs, controller)


_LSTM = SequenceRecipe(
    recipe_build("lstm"),
    "LSTM controller of 100 units, one head, 128 slots of 20 (Graves et al. 2014, table 2)",
    SETTINGS,
)

RECIPES = {
    "ntm": {
        "lstm": _LSTM,
        "feedforward": replace(
            _LSTM,
            build=recipe_build("feedforward"),
            description="feedforward controller of 100 units, one head, 128 slots of 20 "
            "(Graves et al. 2014, table 1)",
        ),
        "lstm-long": replace(
            _LSTM,
            description="the same for a fifth longer, which associative recall needs",
            settings=replace(SETTINGS, steps=12000),
        ),
    }
}
