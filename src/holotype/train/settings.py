"""What a training run is told, and the learning rate of each of its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from holotype.errors import TrainingError

Precision = Literal["float32", "bfloat16"]
Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["one_cycle", "two_cycles", "constant", "halving"]

# One cycle as in Smith 2018, with the constants that PyTorch's OneCycleLR has by default
# except for the share of steps in which the rate rises.
_RISING_SHARE = 0.15
_INITIAL_DIVISOR = 25.0
_FINAL_DIVISOR = 1e4
_MOMENTUM_LOW, _MOMENTUM_HIGH = 0.85, 0.95
_MOMENTUM = 0.9
_KINDS = {int: "whole number", float: "number", str: "word"}


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The settings of one training run.

    Raises:
        TrainingError: a value out of its range.
    """

    steps: int
    learning_rate: float  # the largest of the run
    seed: int = 0
    optimizer: Optimizer = "adamw"
    weight_decay: float = 0.0  # decoupled for adamw; none on norms, biases and class weights
    schedule: Schedule = "one_cycle"
    halve_every: int = 2000  # steps; for "halving" (Snell et al. 2017, section 3.1)
    precision: Precision = "float32"  # of the forward pass; of a recipe, the lowest it learns in
    validate_every: int = 1000  # steps; the last step always validates
    checkpoint_every: int = 200  # steps
    accumulate: int = 1  # batches whose mean gradient makes one step

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        require_word("optimizer", self.optimizer, get_args(Optimizer))
        require_word("schedule", self.schedule, get_args(Schedule))
        require_word("precision", self.precision, get_args(Precision))
        for name in ("steps", "halve_every", "validate_every", "checkpoint_every", "accumulate"):
            if getattr(self, name) < 1:
                raise TrainingError(
                    f"{name}={getattr(self, name)} is below 1", f"Set {name} to at least 1"
                )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise TrainingError(
                f"learning_rate={self.learning_rate} is not a positive number",
                "Set learning_rate above 0",
            )
        if self.seed < 0:
            raise TrainingError(f"seed={self.seed} is negative", "Set seed to 0 or more")

    def batch_numbers(self, step: int) -> range:
        """Of the batches that make a step."""
        return range(step * self.accumulate, (step + 1) * self.accumulate)


def stretched(settings: TrainingSettings, steps: int | None) -> TrainingSettings:
    """With another number of steps, and the schedule stretched to them."""
    if steps is None:
        return settings
    halve_every = max(1, round(settings.halve_every * steps / settings.steps))
    return replace(settings, steps=steps, halve_every=halve_every)


def changed(settings: TrainingSettings, values: Mapping[str, Any]) -> TrainingSettings:
    """With other values by name, as a file has them; other steps stretch the schedule.

    Raises:
        TrainingError: no such setting, or a value of another kind or out of its range.
    """
    names = [each.name for each in fields(settings)]
    for name, value in values.items():
        if name not in names:
            raise TrainingError(f"there is no setting {name!r}", f"Choose from {', '.join(names)}")
        kind = type(getattr(settings, name))
        if type(value) is not kind and (kind, type(value)) != (float, int):
            raise TrainingError(
                f"{name}={value!r} is no {_KINDS[kind]}", f"Set {name} to a {_KINDS[kind]}"
            )
    if "halve_every" not in values and values.get("steps", 0) > 0:
        settings = stretched(settings, values["steps"])
    return replace(settings, **values)


def require_word(name: str, value: object, words: tuple[str, ...]) -> None:
    """Refuse another word than those that an argument takes.

    Raises:
        TrainingError: it is none of them.
    """
    if value not in words:
        raise TrainingError(
            f"{name}={value!r} is none of {', '.join(map(repr, words))}", "Choose one of them"
        )


def rates(settings: TrainingSettings, step: int) -> tuple[float, float]:
    """Learning rate and momentum of a step in 0..steps-1.

    A pure function of the step, so that a checkpoint needs no state of a schedule.
    """
    if settings.schedule == "constant":
        return settings.learning_rate, _MOMENTUM
    if settings.schedule == "halving":
        return settings.learning_rate * 0.5 ** (step // settings.halve_every), _MOMENTUM
    steps = settings.steps
    if settings.schedule == "two_cycles":  # a warm restart (Loshchilov and Hutter 2017)
        first = steps // 2
        step, steps = (step, first) if step < first else (step - first, steps - first)
    peak, last = _RISING_SHARE * steps - 1, steps - 1
    initial = settings.learning_rate / _INITIAL_DIVISOR
    if step < peak:
        share = step / peak
        return (
            _cosine(initial, settings.learning_rate, share),
            _cosine(_MOMENTUM_HIGH, _MOMENTUM_LOW, share),
        )
    share = (step - peak) / (last - peak)
    return (
        _cosine(settings.learning_rate, initial / _FINAL_DIVISOR, share),
        _cosine(_MOMENTUM_LOW, _MOMENTUM_HIGH, share),
    )


def step_seed(seed: int, step: int) -> int:
    """The seed of what is drawn in a step, as a function of the seed of the run."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0])


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
