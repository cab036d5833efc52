"""How long the rest of a run takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from holotype.train.settings import TrainingSettings

_TRUSTED_STEPS = 3  # the measurement before the run weighs as much as so many of its steps


class Forecast:
    """Seconds of every step of a run, from those of a few.

    Steps need not be alike: sequences grow, so that the first steps take a tenth of the last. So
    what was measured here and there in the run tells how its parts compare, and the steps that
    are done tell how the machine fares meanwhile.

    Args:
        steps: of the run.
        probes: (step, seconds) in rising order; none: every step takes the same, nobody knows
            how long.
    """

    def __init__(self, steps: int, probes: Sequence[tuple[int, float]] = ()) -> None:
        at, seconds = zip(*probes, strict=True) if probes else ((0,), (1.0,))
        each = np.interp(np.arange(steps), at, seconds)
        self._until = np.concatenate([[0.0], np.cumsum(each)])
        self._trusted = _TRUSTED_STEPS if probes else 0

    def total(self) -> float:
        """Seconds of all steps, before any is done."""
        return float(self._until[-1])

    def steps_within(self, seconds: float) -> int:
        """How many steps fit into a time, of those that were forecast."""
        return int(np.searchsorted(self._until, seconds, side="right")) - 1

    def left(self, first: int, done: int, elapsed: float) -> float:
        """Seconds from here to the end.

        Args:
            first: steps that were done when this sitting began.
            done: steps done, at least one in this sitting or measured before.
            elapsed: seconds of the steps of this sitting.
        """
        steps = done - first
        expected = float(self._until[done] - self._until[first])
        slower = elapsed / expected if steps else 1.0
        pace = (slower * steps + self._trusted) / (steps + self._trusted)
        return float(pace * (self._until[-1] - self._until[done]))


class Remaining:
    """What is left of a sitting: its steps by a forecast, its validations like the latest.

    Args:
        forecast: of the steps.
        settings: of the run.
        first: steps that were done when the sitting began, which is now.
    """

    def __init__(self, forecast: Forecast, settings: TrainingSettings, first: int) -> None:
        self._forecast, self._settings, self._first = forecast, settings, first
        self._began = time.monotonic()
        self._aside = self._latest = 0.0

    @contextmanager
    def validating(self) -> Iterator[None]:
        """What happens within is a validation."""
        began = time.monotonic()
        yield
        self._latest = time.monotonic() - began
        self._aside += self._latest

    def seconds(self, done: int) -> float:
        """To the end of the run, after so many steps of it; at least one in this sitting."""
        steps, every = self._settings.steps, self._settings.validate_every
        if done == steps:
            return 0.0
        elapsed = time.monotonic() - self._began - self._aside
        validations = -(-steps // every) - done // every
        return self._forecast.left(self._first, done, elapsed) + validations * self._latest
