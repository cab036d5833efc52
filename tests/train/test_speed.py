from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from toys import N_CLASSES, build, dead_conv, toy_batch

from holotype.train import speed
from holotype.train.batches import EpisodeBatch
from holotype.train.method import Method
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from holotype.train.settings import TrainingSettings
from holotype.train.speed import Way, measure, thread_counts, ways

SETTINGS = TrainingSettings(100, learning_rate=0.01)


def test_one_all_and_some_between() -> None:
    assert [thread_counts(most) for most in (1, 2, 4, 6, 16, 20)] == [
        [1],
        [1, 2],
        [1, 4],
        [1, 4, 6],
        [1, 4, 16],
        [1, 4, 16, 20],
    ]


def chosen(
    monkeypatch: pytest.MonkeyPatch, table: dict[Way, float | None]
) -> tuple[speed.Speed, list[Way]]:
    """The outcome where each way takes its time, and what was asked in order."""
    asked: list[Way] = []

    def seconds(runner: object, way: Way, step: int, limit: float) -> float | None:
        asked.append(way)
        taken = table[way]
        return None if taken is None or taken > limit else taken

    monkeypatch.setattr(speed._Runner, "seconds", seconds)
    return measure(build("prototypical"), toy_batch, SETTINGS, list(table)), asked


def test_the_fastest_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = ways(("float32", "bfloat16"), (2, 1))
    found, _ = chosen(monkeypatch, dict(zip(candidates, (4.0, 2.2, 2.0, 1.2), strict=True)))
    assert found.way == Way("bfloat16", 2)
    assert found.probes == ((0, 1.2), (25, 1.2), (99, 1.2))
    assert dict(found.tried)[Way("float32", 2)] == 2.2


def test_where_little_is_gained_the_simpler_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = ways(("float32", "bfloat16"), (1, 2))
    found, _ = chosen(monkeypatch, dict(zip(candidates, (1.0, 0.95, 0.97, 0.92), strict=True)))
    assert found.way == Way("float32", 1)


def test_what_is_hopeless_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = ways(("float32", "bfloat16"), (1, 2))
    table = dict(zip(candidates, (1.9, 1.0, 60.0, 40.0), strict=True))
    found, asked = chosen(monkeypatch, table)
    assert found.way == Way("float32", 2)
    assert asked.count(Way("bfloat16", 2)) == 1
    assert Way("bfloat16", 1) not in asked  # with fewer threads it would take longer still
    assert dict(found.tried)[Way("bfloat16", 2)] is None


class TwoParts(Method):
    """Notes which of its parts have run, and in what."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(1, 1), nn.Linear(1, 1)
        for name in ("first", "second"):
            getattr(self, name).register_forward_hook(lambda *_, name=name: RAN.append(name))

    def loss(self, batch: EpisodeBatch) -> Tensor:
        value = self.second(self.first(torch.ones(1, 1)))
        RAN.append(value.dtype)
        return value.float().sum()


RAN: list[object] = []


def test_a_step_ends_where_its_time_is_over() -> None:
    runner = speed._Runner(TwoParts(), toy_batch, SETTINGS)
    RAN.clear()
    assert runner.seconds(Way("float32", 1), 0, -1.0) is None
    assert RAN == []
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        RAN.clear()
        assert runner.seconds(Way(precision, 1), 0, float("inf")) is not None
        assert ["first", "second", dtype] == RAN


def test_measuring_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_SECONDS", 0.0)  # the fewest rounds
    torch.manual_seed(3)
    learner = PrototypicalNetworks(dead_conv(), CosineSoftmax(N_CLASSES, 8))
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    threads, modes = torch.get_num_threads(), [part.training for part in learner.modules()]
    state = torch.get_rng_state()
    found = measure(learner, toy_batch, SETTINGS, ways(("float32", "bfloat16"), (1, 2)))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert [part.training for part in learner.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert all(parameter.grad is None for parameter in learner.parameters())
    assert not any(part._forward_pre_hooks for part in learner.modules())
    assert [step for step, _ in found.probes] == sorted({step for step, _ in found.probes})
    assert all(0 <= step < 100 and seconds > 0 for step, seconds in found.probes)
