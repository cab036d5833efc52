from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from holotype.errors import TrainingError
from holotype.train.methods.memory.ntm import NeuralTuringMachine
from holotype.train.methods.meta.regressor import MetaRegressor
from holotype.train.settings import TrainingSettings, rates


@pytest.mark.parametrize("steps", [2, 7, 40, 333])
def test_one_cycle_is_the_one_of_torch(steps: int) -> None:
    settings = TrainingSettings(steps, learning_rate=0.004)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    schedule = OneCycleLR(optimizer, 0.004, total_steps=steps, pct_start=0.15)
    for step in range(steps):
        rate, momentum = rates(settings, step)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        assert momentum == pytest.approx(optimizer.param_groups[0]["betas"][0], rel=1e-9)
        optimizer.step()
        if step + 1 < steps:
            schedule.step()


def test_one_step_has_a_rate() -> None:
    assert rates(TrainingSettings(1, learning_rate=1.0), 0)[0] > 0


def test_two_cycles_are_one_after_the_other() -> None:
    two = TrainingSettings(25, learning_rate=0.004, schedule="two_cycles")
    first, second = (TrainingSettings(steps, learning_rate=0.004) for steps in (12, 13))
    assert [rates(two, step) for step in range(25)] == [
        *(rates(first, step) for step in range(12)),
        *(rates(second, step) for step in range(13)),
    ]


def test_halving_and_constant() -> None:
    halving = TrainingSettings(9, learning_rate=0.8, schedule="halving", halve_every=3)
    assert [rates(halving, step)[0] for step in (0, 2, 3, 8)] == [0.8, 0.8, 0.4, 0.2]
    constant = TrainingSettings(9, learning_rate=0.8, schedule="constant")
    assert rates(constant, 8) == (0.8, 0.9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps=0 is below 1"),
        ({"checkpoint_every": 0}, "checkpoint_every=0 is below 1"),
        ({"learning_rate": float("nan")}, "learning_rate=nan is not a positive number"),
        ({"seed": -1}, "seed=-1 is negative"),
    ],
)
def test_what_cannot_be_run_is_refused(changed: dict[str, float], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        TrainingSettings(**{"steps": 1, "learning_rate": 1.0, **changed})


@pytest.mark.parametrize("name", ["optimizer", "schedule", "precision"])
def test_another_word_than_those_that_are_known_is_refused(name: str) -> None:
    with pytest.raises(TrainingError, match=rf"{name}='adam' is none of '"):
        TrainingSettings(1, learning_rate=1.0, **{name: "adam"})


def test_so_it_is_with_the_words_of_methods() -> None:
    with pytest.raises(TrainingError, match="method='MAML' is none of 'maml', 'meta-sgd', 'cnp'"):
        MetaRegressor("MAML")
    with pytest.raises(TrainingError, match="controller='LSTM' is none of 'feedforward', 'lstm'"):
        NeuralTuringMachine(1, 1, controller="LSTM")
