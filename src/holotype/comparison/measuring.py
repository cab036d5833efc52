"""Contenders on tasks: the same episodes for all, each cell in a file of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.comparison.contenders import Contender, Opened
from holotype.comparison.division import Division
from holotype.comparison.eta import Forecast
from holotype.comparison.outcome import Cell
from holotype.comparison.storage import read_json, write_json
from holotype.datasets.lazy import select
from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.protocols import Plan, among, encode_pictures, plan
from holotype.image.prepare import prepare_batch
from holotype.preprocessing import Preprocessing
from holotype.records import Episode


@dataclass(frozen=True, slots=True)
class Task:
    """One column: episodes that all contenders answer."""

    n_way: int
    k_shot: int
    plan: Plan
    digest: str  # of the episodes

    @property
    def pictures(self) -> int:
        """Pictures in all episodes, each counted as often as it occurs."""
        return self.plan.index.support.size + self.plan.index.query.size


def drawn(
    division: Division,
    protocol: str,
    n_ways: Sequence[int],
    k_shots: Sequence[int],
    n_query: int,
    episodes: int,
    seed: int,
) -> list[Task]:
    """Draw the episodes of every task.

    Raises:
        DataError: the division does not carry them.
    """
    tasks = []
    for n_way in n_ways:
        for k_shot in k_shots:
            if protocol == "lake":
                planned = plan(protocol, division.test.name)
            else:
                planned = plan(
                    protocol,
                    division.test,
                    n_way=n_way,
                    k_shot=k_shot,
                    n_query=n_query,
                    episodes=episodes,
                    seed=seed,
                )
            index = planned.index
            digest = hashlib.sha256()
            for part in (index.support, index.query, index.query_class):
                digest.update(np.ascontiguousarray(part, "<i8").tobytes())
            tasks.append(Task(n_way, k_shot, planned, digest.hexdigest()))
    return tasks


class TaskPictures:
    """The pictures of all tasks, prepared once for each way of preparing them."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        index = [task.plan.index for task in tasks]
        parts = [part.ravel() for one in index for part in (one.support, one.query)]
        self.used = np.unique(np.concatenate(parts))
        self._raw = select(tasks[0].plan.images, self.used)
        self._kept: tuple[Preprocessing, NDArray[Any]] | None = None

    def of(self, ready: Opened, told: Callable[[int, int], None]) -> tuple[NDArray[Any], float]:
        """Prepared pictures, or embeddings, [used, ...], and the seconds to embed one."""
        prepare_them = partial(prepare_batch, preprocessing=ready.preprocessing)
        if ready.encode is None:
            if self._kept is None or self._kept[0] != ready.preprocessing:
                self._kept = None  # make room first
                pictures = encode_pictures(self._raw, prepare_them, None, told)
                self._kept = ready.preprocessing, pictures
            return self._kept[1], 0.0
        seconds, encode = 0.0, ready.encode

        def timed(batch: NDArray[Any]) -> NDArray[Any]:
            nonlocal seconds
            began = perf_counter()
            vectors = encode(batch)
            seconds += perf_counter() - began
            return vectors

        return encode_pictures(self._raw, prepare_them, timed, told), seconds / len(self.used)


def finished(
    folder: Path, one: Contender, ready: Opened, tasks: Sequence[Task], forecast: Forecast
) -> dict[str, Cell]:
    """The cells of the same weights and episodes that an earlier sitting measured, by task."""
    found = {}
    for task in tasks:
        stored = read_json(_place(folder, one, task))
        if stored is not None and all(
            stored.get(name) == value for name, value in _identity(one, ready, task).items()
        ):
            found[task.digest] = Cell.from_json(stored["cell"])
            forecast.found(one.name, task.pictures)
    return found


def measure(
    folder: Path,
    one: Contender,
    ready: Opened,
    tasks: Sequence[Task],
    pictures: TaskPictures,
    found: dict[str, Cell],
    forecast: Forecast,
) -> tuple[Cell, ...]:
    """Measure a contender on all tasks.

    Args:
        folder: of the cells.
        one: the contender.
        ready: the same, loaded.
        tasks: in the order of the result.
        pictures: of all tasks.
        found: what is `finished`, and not done again.
        forecast: is told.
    """
    missing = [task for task in tasks if task.digest not in found]
    if missing:
        shown, seconds_each = pictures.of(
            ready, lambda done, total: forecast.aside(f"{one.name}: pictures", done, total)
        )
        for task in missing:
            cell = _measured(one, ready, task, shown, pictures.used, seconds_each, forecast)
            stored = {**_identity(one, ready, task), "cell": cell.stored()}
            write_json(_place(folder, one, task), stored)
            found[task.digest] = cell
    return tuple(found[task.digest] for task in tasks)


def _place(folder: Path, one: Contender, task: Task) -> Path:
    return folder / f"{_file_name(one.name)}-{task.n_way}way-{task.k_shot}shot.json"


def _identity(one: Contender, ready: Opened, task: Task) -> dict[str, Any]:
    """What a stored cell is of."""
    return {"contender": one.name, "weights": ready.identity, "episodes": task.digest}


def _measured(
    one: Contender,
    ready: Opened,
    task: Task,
    pictures: NDArray[Any],
    used: NDArray[np.int64],
    seconds_each: float,
    forecast: Forecast,
) -> Cell:
    index = among(task.plan.index, used)

    def watched() -> Iterator[Episode]:
        each = task.pictures // len(index)
        for done, episode in enumerate(gather(pictures, index)):
            forecast.asking(one.name, f"{task.n_way}-way {task.k_shot}-shot", done, len(index))
            yield episode
            forecast.answered(one.name, each, last=done + 1 == len(index))

    report = evaluate(
        ready.scores, watched(), protocol=task.plan.protocol, n_query=task.plan.n_query
    )
    # From prepared pictures to scores, support included: the same for packs, whose embeddings
    # are computed beforehand, as for methods that see the pictures in each episode.
    seconds = report.seconds + seconds_each * task.pictures
    return Cell(
        n_way=task.n_way,
        k_shot=task.k_shot,
        accuracies=report.per_episode,
        ms_per_query=1000 * seconds / task.plan.index.query.size,
    )


def _file_name(name: str) -> str:
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)[:60]
    return f"{plain}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:6]}"
