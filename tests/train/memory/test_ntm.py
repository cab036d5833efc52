from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from holotype.errors import TrainingError
from holotype.train.methods.memory.lstm import LSTM, width_for
from holotype.train.methods.memory.ntm import Controller, NeuralTuringMachine
from holotype.train.methods.memory.sequence_learner import SequenceLearner
from holotype.train.methods.memory.sequences import TASKS, SequenceBatch
from holotype.train.settings import TrainingSettings
from holotype.train.training import train

COPY = TASKS["copy"]


def machine(
    controller: Controller = "lstm", heads: int = 1, slots: int = 12, seed: int = 0
) -> NeuralTuringMachine:
    torch.manual_seed(seed)
    return NeuralTuringMachine(9, 8, controller, hidden=16, slots=slots, width=5, heads=heads)


def batch(step: int, length: int = 3) -> SequenceBatch:
    return COPY(np.random.default_rng(step), 4, length)


def one_slot_at_a_time(ntm: NeuralTuringMachine, hidden: Tensor, before: Tensor, at: Tensor):
    """Section 3 for one sequence, written as it is read: loops over heads and slots.

    before: memory [N, M]; at: weightings [2H, N]. Returns memory, weightings, readings [H, M].
    """
    heads, width = ntm.heads, ntm.width
    emitted = ntm.interface(hidden)
    size = width + 6
    new = []
    for head in range(2 * heads):
        own = emitted[head * size : (head + 1) * size]
        key, strength, sharpness = own[:width].tanh(), F.softplus(own[width]), own[width + 1]
        gate, shifts = own[width + 2].sigmoid(), own[width + 3 :].softmax(0)
        similar = torch.stack([key @ slot / (key.norm() * slot.norm() + 1e-8) for slot in before])
        content = (strength * similar).softmax(0)
        mixed = gate * content + (1 - gate) * at[head]
        moved = torch.zeros_like(mixed)
        for slot in range(len(before)):
            for by in (-1, 0, 1):
                moved[(slot + by) % len(before)] += mixed[slot] * shifts[by + 1]
        powers = moved ** (1 + F.softplus(sharpness))
        new.append(powers / powers.sum())
    change = emitted[2 * heads * size :].view(heads, 2 * width)
    memory = before.clone()
    for slot in range(len(memory)):
        for head in range(heads):
            memory[slot] *= 1 - new[heads + head][slot] * change[head, :width].sigmoid()
    for slot in range(len(memory)):
        for head in range(heads):
            memory[slot] += new[heads + head][slot] * change[head, width:].tanh()
    return memory, torch.stack(new), torch.stack([new[head] @ before for head in range(heads)])


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@pytest.mark.parametrize("heads", [1, 3])
def test_all_heads_at_once_are_the_heads_one_by_one(controller: Controller, heads: int) -> None:
    ntm = machine(controller, heads)
    state = ntm.start(2)
    with torch.no_grad():
        for vectors in torch.rand(4, 2, 9, generator=torch.Generator().manual_seed(1)):
            after = ntm.step(vectors, state)
            for i in range(2):
                memory, weighting, reading = one_slot_at_a_time(
                    ntm, after.hidden[i], state.memory[i], state.weighting[i]
                )
                torch.testing.assert_close(after.memory[i], memory)
                torch.testing.assert_close(after.weighting[i], weighting)
                torch.testing.assert_close(after.reading[i], reading.flatten())
            state = after


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_sequences_do_not_see_each_other_nor_the_future(controller: Controller) -> None:
    ntm = machine(controller, heads=2)
    inputs = torch.rand(6, 3, 9, generator=torch.Generator().manual_seed(2))
    said = ntm(inputs)
    assert said.shape == (6, 3, 8)
    torch.testing.assert_close(ntm(inputs[:, 1:2]), said[:, 1:2])
    torch.testing.assert_close(ntm(inputs[:4]), said[:4])


class Silent(SequenceLearner):
    def forward(self, inputs: Tensor) -> Tensor:
        return torch.zeros(*inputs.shape[:2], 8)


def test_bits_per_sequence() -> None:
    # Knowing nothing costs a bit for each of the 3 vectors of 8.
    torch.testing.assert_close(Silent().bits(batch(0)), torch.full((4,), 24.0))
    torch.testing.assert_close(Silent().loss(batch(0)), torch.tensor(24.0))


def trained(learner: SequenceLearner, out: Path, steps: int) -> list[float]:
    settings = TrainingSettings(steps, 1e-2, schedule="constant")
    return train(learner, lambda step: batch(step, 1 + step % 2), settings, out).loss


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_it_learns_to_copy_in_small(controller: Controller, tmp_path: Path) -> None:
    loss = trained(machine(controller), tmp_path / "run", 120)
    assert np.mean(loss[-20:]) < 0.85 * np.mean(loss[:20])


def test_the_control_learns_and_is_as_large(tmp_path: Path) -> None:
    torch.manual_seed(0)
    loss = trained(LSTM(9, 8, 16), tmp_path / "run", 120)
    assert np.mean(loss[-20:]) < 0.85 * np.mean(loss[:20])
    size = sum(value.numel() for value in NeuralTuringMachine(9, 8).parameters())
    widths = [width_for(size, 9, 8) - 1, width_for(size, 9, 8)]
    narrower, control = (
        sum(value.numel() for value in LSTM(9, 8, width).parameters()) for width in widths
    )
    assert narrower < size <= control < 1.03 * size


def test_a_sequence_longer_than_the_memory_is_warned_of_and_goes_on() -> None:
    ntm = machine(slots=4)
    with pytest.warns(UserWarning, match="7 steps and a memory of 4 slots"):
        bits = ntm.bits(batch(0, 3))
    assert bits.isfinite().all()


def test_a_run_is_not_resumed_with_another_memory(tmp_path: Path) -> None:
    settings = TrainingSettings(2, 1e-3)
    train(machine(slots=12), batch, settings, tmp_path / "run")
    with pytest.raises(TrainingError, match="does not fit this learner"):
        train(machine(slots=16), batch, settings, tmp_path / "run", resume=True)


def test_an_uncertain_step_costs_what_information_theory_says() -> None:
    class Quarter(SequenceLearner):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.full((*inputs.shape[:2], 8), math.log(1 / 3))  # a quarter for a 1

    shown = batch(0, 1)
    ones = shown.targets[shown.scored].sum((0, 2))
    expected = 2 * ones + (8 - ones) * math.log2(4 / 3)
    torch.testing.assert_close(Quarter().bits(shown), expected)
