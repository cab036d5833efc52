"""Which precision and how many threads train a learner fastest on this machine.

No property of a processor says it: bfloat16 halves the time where the processor computes in it,
and takes twenty times as long where it is emulated; a second thread nearly halves the time of a
large convolution and doubles that of a small recurrent step. So a few real steps are taken with a
copy of the learner, in every way that comes into question, and the clock decides.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from holotype.train.device import computing_on, forward_in, moved
from holotype.train.learner import Learner
from holotype.train.optimizer import optimizer_for, set_rates
from holotype.train.settings import Precision, TrainingSettings, step_seed

_SECONDS = 10.0  # for all rounds together, beyond the least number of them
_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 16
# A way that takes so many times as long as the fastest is not waited for; and the seconds beyond
# that in its first step, in which kernels are compiled.
_HOPELESS, _COMPILING = 2.0, 2.0
# Of ways that hardly differ the simpler one is taken: single precision, few threads.
_WORTH_IT = 0.9


@dataclass(frozen=True, slots=True)
class Way:
    """How the steps of a run are computed."""

    precision: Precision
    threads: int
    device: str = "cpu"

    def __str__(self) -> str:
        if self.device != "cpu":
            return f"{self.precision} on {self.device}"
        return f"{self.precision} with {self.threads} thread{'s' * (self.threads > 1)}"


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured, and what is to be chosen."""

    way: Way
    probes: tuple[tuple[int, float], ...]  # (step, seconds) of it, in rising order
    tried: tuple[tuple[Way, float | None], ...]  # mean seconds a step; None: not waited for


def ways(precisions: Sequence[Precision], threads: Sequence[int], device: str = "cpu") -> list[Way]:
    """All that come into question, the simplest first."""
    return [
        Way(precision, count, device) for precision in precisions for count in sorted(set(threads))
    ]


def thread_counts(most: int) -> list[int]:
    """One, all, and a few counts between: small steps gain nothing from many threads."""
    return sorted({most} | {4**power for power in range(most.bit_length()) if 4**power < most})


def measure(
    learner: Learner[Any],
    batches: Callable[[int], Any],
    settings: TrainingSettings,
    candidates: Sequence[Way],
) -> Speed:
    """Take real steps in each way, and choose the fastest.

    The learner is copied, and all that is random is seeded and put back: what trains afterwards is
    as if nothing had been measured. The steps lie all over the run, closer at its beginning.

    Args:
        learner: as it will train; left as it is.
        batches: step in 0..steps-1 -> batch.
        settings: of the run.
        candidates: the simplest first; at least one.
    """
    # With most threads first, so that little time is lost where one thread is hopeless.
    left = sorted(candidates, key=lambda way: (way.precision != "float32", -way.threads))
    given_up: list[Way] = []
    taken: dict[Way, list[float]] = {way: [] for way in left}
    with torch.random.fork_rng(devices=[]):
        runner = _Runner(learner, batches, settings)
        best = float("inf")
        for way in list(left):
            hopeless = any(
                other.precision == way.precision and other.threads > way.threads
                for other in given_up
                if other.precision != "float32"
            )
            first = None if hopeless else runner.seconds(way, 0, _HOPELESS * best + _COMPILING)
            again = None if first is None else runner.seconds(way, 0, _HOPELESS * best)
            if again is None:
                left.remove(way)
                given_up.append(way)
                continue
            taken[way].append(again)
            best = min(best, again)
        round_seconds = sum(taken[way][0] for way in left)
        rounds = int(max(_FEWEST_ROUNDS, min(_SECONDS / round_seconds, _MOST_ROUNDS)))
        at = [0]
        for number in range(1, rounds):
            step = round((settings.steps - 1) * (number / (rounds - 1)) ** 2)
            if step > at[-1]:
                at.append(step)
                for way in left:
                    seconds = runner.seconds(way, step, float("inf"))
                    assert seconds is not None
                    taken[way].append(seconds)
    chosen = _fastest({way: taken[way] for way in candidates if way in left})
    return Speed(
        chosen,
        tuple(zip(at, taken[chosen], strict=True)),
        tuple((way, statistics.fmean(taken[way]) if way in left else None) for way in candidates),
    )


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """So many threads within, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fastest(taken: dict[Way, list[float]]) -> Way:
    """By the median over rounds of the share of the round's time, which a disturbance spares."""
    rounds = [sum(seconds) for seconds in zip(*taken.values(), strict=True)]
    shares = {
        way: statistics.median(s / whole for s, whole in zip(seconds, rounds, strict=True))
        for way, seconds in taken.items()
    }
    least = min(shares.values())
    return next(way for way, share in shares.items() if share * _WORTH_IT <= least)


class _TooSlowError(Exception):
    """A step is not waited for."""


class _Runner:
    """Takes steps with a copy of a learner."""

    def __init__(
        self, learner: Learner[Any], batches: Callable[[int], Any], settings: TrainingSettings
    ) -> None:
        self.learner = copy.deepcopy(learner)
        self.learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.learner.train()
        self.optimizer = optimizer_for(self.learner, settings)
        self.batches, self.settings = batches, settings
        self.deadline = float("inf")
        for module in self.learner.modules():
            module.register_forward_pre_hook(self._hurry)

    def seconds(self, way: Way, step: int, limit: float) -> float | None:
        """Of one step; None: more than the limit."""
        torch.manual_seed(step_seed(self.settings.seed, step))
        set_rates(self.optimizer, self.settings, step)
        self.learner.precision = way.precision
        device = self.learner.device
        forward = forward_in(way.precision, device)
        began = time.perf_counter()
        self.deadline = began + limit
        with computing_with(way.threads):
            try:
                some = [
                    moved(self.batches(number), device)
                    for number in self.settings.batch_numbers(step)
                ]
                with computing_on(device):
                    # A number is waited for, also where the step is only on its way to a GPU.
                    float(self.learner.training_step(some, self.optimizer, forward))
            except _TooSlowError:
                return None
        seconds = time.perf_counter() - began
        return None if seconds > limit else seconds

    def _hurry(self, *_: object) -> None:
        if time.perf_counter() > self.deadline:
            raise _TooSlowError
