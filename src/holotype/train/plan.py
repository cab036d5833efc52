"""How long a run is, and how it computes: what the user says, or else what this machine does fast.

A run is planned once, and the plan stands in its `run.json`: resumed, it goes on as it began,
since another precision or another number of threads rounds differently.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch

from holotype.cores import usable_cores
from holotype.errors import TrainingError
from holotype.train import runs
from holotype.train.forecast import Forecast
from holotype.train.history import HISTORY, History
from holotype.train.recipe import Prepared
from holotype.train.settings import Precision, TrainingSettings, stretched
from holotype.train.speed import Way, measure, thread_counts, ways

_FEWEST_STEPS = 20  # with fewer the learning rate has hardly risen when it must fall
_RESERVE = 0.9  # of the minutes are planned with: the machine may have more to do meanwhile


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user asks of a run beside its recipe; None: whatever suits.

    Raises:
        TrainingError: a value out of its range, or two that exclude each other.
    """

    steps: int | None = None
    minutes: float | None = None  # at most, from the command to the end of training
    precision: Precision | Literal["auto"] | None = None
    threads: int | None = None
    device: str | None = None  # cpu, cuda, cuda:0, ...

    def __post_init__(self) -> None:
        """Refuse what cannot be had."""
        known = ("auto", *get_args(Precision))
        if self.precision not in (None, *known):
            raise TrainingError(
                f"precision={self.precision!r} is none that training knows",
                f"Choose from {', '.join(known)}",
            )
        for name in ("steps", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name}={value} is below 1", f"Set {name} to at least 1")
        if self.minutes is not None and not (math.isfinite(self.minutes) and self.minutes > 0):
            raise TrainingError(
                f"minutes={self.minutes:g} is not a positive number", "Set minutes above 0"
            )
        if self.steps is not None and self.minutes is not None:
            raise TrainingError(
                f"steps={self.steps} and minutes={self.minutes:g} exclude each other",
                "Give one of them",
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """A run as it will be done."""

    settings: TrainingSettings
    threads: int
    device: str
    probes: tuple[tuple[int, float], ...]  # (step, seconds) that were measured
    tried: tuple[tuple[Way, float | None], ...]  # mean seconds a step; None: not waited for
    asked: Wishes
    done: int = 0  # steps, before it goes on

    @property
    def way(self) -> Way:
        """How its steps are computed."""
        return Way(self.settings.precision, self.threads, self.device)

    @property
    def forecast(self) -> Forecast:
        """Of the seconds of its steps."""
        return Forecast(self.settings.steps, self.probes)

    @property
    def facts(self) -> dict[str, Any]:
        """For `run.json`."""
        return {
            "device": self.device,
            **({} if self.device == "cpu" else {"card": torch.cuda.get_device_name(self.device)}),
            "asked": asdict(self.asked),
            "measured": {
                "seconds_a_step": [
                    {**asdict(way), "seconds": seconds and round(seconds, 5)}
                    for way, seconds in self.tried
                ],
                "probes": [[step, round(seconds, 5)] for step, seconds in self.probes],
            },
        }

    def seconds_left(self) -> float | None:
        """Of training, before it goes on; None: nothing was measured."""
        return self.forecast.left(self.done, self.done, 0.0) if self.probes else None


def planned(
    ready: Prepared, settings: TrainingSettings, wishes: Wishes, spent_seconds: float
) -> Plan:
    """Measure this machine, and plan a new run.

    Args:
        ready: the learner, on the device that it trains on, and its batches.
        settings: of the recipe, whose precision is the lowest that comes into question.
        wishes: of the user.
        spent_seconds: of the minutes that are wished for, before the measurement.

    Raises:
        TrainingError: too few steps fit into the minutes.
    """
    cores = usable_cores()
    if wishes.threads is not None and wishes.threads > cores:
        raise TrainingError(
            f"threads={wishes.threads} is more than the number of cores that this process may "
            f"use, {cores}",
            f"Set threads to at most {cores}",
        )
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    if wishes.precision in get_args(Precision):
        precisions = (cast(Precision, wishes.precision),)
    elif settings.precision == "float32":
        precisions = ("float32",)
    threads = (
        [wishes.threads]
        if wishes.threads
        # A GPU does the work; one thread gives it orders.
        else [1]
        if ready.learner.device.type != "cpu"
        # Not more than torch was given, by OMP_NUM_THREADS or by the program that calls.
        else thread_counts(min(cores, torch.get_num_threads()))
    )
    began = time.monotonic()
    settings = stretched(settings, wishes.steps)
    device = str(ready.learner.device)
    speed = measure(ready.learner, ready.batches, settings, ways(precisions, threads, device))
    if wishes.minutes is not None:
        spent_seconds += time.monotonic() - began
        settings = _within(wishes.minutes, spent_seconds, settings, speed.probes)
    settings = replace(settings, precision=speed.way.precision)
    return Plan(settings, speed.way.threads, device, speed.probes, speed.tried, wishes)


def recorded(out: Path, settings: TrainingSettings, wishes: Wishes) -> Plan:
    """The plan of a run that is to go on.

    Args:
        out: the folder of the run.
        settings: of the recipe.
        wishes: of the user, who may repeat what the run was started with or say nothing.

    Raises:
        TrainingError: there is no run, or it was started with something else.
    """
    run = runs.read(out)
    asked, before = run.get("asked", {}), run["settings"]
    was = {
        "steps": before.get("steps"),
        "minutes": asked.get("minutes"),
        "precision": before.get("precision"),
        "threads": run.get("threads"),
        "device": run.get("device", "cpu"),
    }
    for name, value in was.items():
        now = getattr(wishes, name)
        if now not in (None, "auto", value):
            raise runs.another(out, name, value, now)
    kept = {
        name: before.get(name, getattr(settings, name))
        for name in ("steps", "halve_every", "precision")
    }
    return Plan(
        replace(settings, **kept),
        run.get("threads") or torch.get_num_threads(),
        was["device"],
        tuple((step, seconds) for step, seconds in run.get("measured", {}).get("probes", [])),
        (),
        wishes,
        History.read(out).step if (out / HISTORY).exists() else 0,
    )


def _within(
    minutes: float,
    spent_seconds: float,
    settings: TrainingSettings,
    probes: Sequence[tuple[int, float]],
) -> TrainingSettings:
    """As many steps as fit, and not more than the recipe has: its schedule ends in time."""
    forecast = Forecast(settings.steps, probes)
    steps = forecast.steps_within(60 * minutes * _RESERVE - spent_seconds)
    if steps < min(_FEWEST_STEPS, settings.steps):
        least = Forecast(min(_FEWEST_STEPS, settings.steps), probes).total()
        needed = math.ceil((least + spent_seconds) / _RESERVE / 6) / 10
        raise TrainingError(
            f"minutes={minutes:g} leaves time for {max(0, steps)} steps on this machine, and "
            f"a run needs {_FEWEST_STEPS}",
            f"Set minutes to at least {needed:g}",
        )
    return stretched(settings, steps)
