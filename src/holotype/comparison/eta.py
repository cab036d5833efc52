"""How far a comparison is, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holotype.train.training import Progress as TrainingProgress


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a comparison stands."""

    what: str  # is being done
    done: int
    total: int
    note: str
    cells_done: int
    cells: int
    seconds_left: float | None  # for the whole grid; None: nothing to judge by yet


class Forecast:
    """Keeps the time of trainings and measurements and tells whoever listens.

    The rest is judged by what each contender took so far, or else by the mean of the others.

    Args:
        listener: called as the work goes on.
    """

    def __init__(self, listener: Callable[[Progress], None] | None) -> None:
        self._listener = listener
        self._steps: dict[str, int] = {}  # left to train, by contender
        self._pictures: dict[str, int] = {}  # left to answer
        self._step_seconds: dict[str, float] = {}  # of one step
        self._answered: dict[str, tuple[int, float]] = {}  # pictures, and seconds they took
        self._cells = self._cells_done = 0
        self._mark = 0.0

    def plan(self, steps: Mapping[str, int], names: Sequence[str], pictures: Sequence[int]) -> None:
        """What there is to do: training steps by contender; pictures of each task for all."""
        self._steps = dict(steps)
        self._pictures = dict.fromkeys(names, sum(pictures))
        self._cells = len(names) * len(pictures)

    def aside(self, what: str, done: int, total: int) -> None:
        """Something is prepared that the estimate does not count."""
        self._tell(what, done, total, "")

    def trained(self, name: str, step: TrainingProgress) -> None:
        """A step of training was done."""
        left = self._steps[name] = step.steps - step.step
        if left:
            self._step_seconds[name] = step.seconds_left / left
        note = f"step {step.step:,} of {step.steps:,}, loss {step.loss:.4f}"
        if step.validation is not None:
            note += f", validation {step.validation:.2f}"
        self._tell(f"{name}: training", step.step, step.steps, note)

    def found(self, name: str, pictures: int) -> None:
        """A cell was measured in an earlier sitting."""
        self._pictures[name] -= pictures
        self._cells_done += 1

    def asking(self, name: str, task: str, done: int, total: int) -> None:
        """An episode begins."""
        self._tell(f"{name}: {task}", done, total, f"episode {done + 1:,} of {total:,}")
        self._mark = perf_counter()

    def answered(self, name: str, pictures: int, last: bool) -> None:
        """An episode was answered, the last one of its cell or not."""
        seen, seconds = self._answered.get(name, (0, 0.0))
        self._answered[name] = seen + pictures, seconds + perf_counter() - self._mark
        self._pictures[name] -= pictures
        self._cells_done += last

    def _tell(self, what: str, done: int, total: int, note: str) -> None:
        if self._listener is not None:
            state = self._cells_done, self._cells, self._seconds_left()
            self._listener(Progress(what, done, total, note, *state))

    def _seconds_left(self) -> float | None:
        steps = {name: left for name, left in self._steps.items() if left}
        each = {name: seconds / seen for name, (seen, seconds) in self._answered.items()}
        pictures = sum(self._pictures.values())
        if (steps and not self._step_seconds) or (pictures and not each and not steps):
            return None  # nothing to judge by yet
        # Before anything was measured, the trainings are all that can be judged.
        return _rest(steps, self._step_seconds) + (_rest(self._pictures, each) if each else 0.0)


def _rest(left: Mapping[str, int], seconds: Mapping[str, float]) -> float:
    """Seconds for what is left, those that were not seen at work like the mean of the others."""
    mean = sum(seconds.values()) / max(1, len(seconds))
    return sum(count * seconds.get(name, mean) for name, count in left.items())
