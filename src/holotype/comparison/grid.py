"""The grid of a comparison: every contender on every task, on the very same episodes.

What is finished lies in files that are there whole or not at all: trained runs, and a file for
each measured cell. So a comparison that was killed goes on where it was, and ends with the same
table.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from holotype.comparison import contenders
from holotype.comparison.contenders import Contender
from holotype.comparison.division import Division, prepare
from holotype.comparison.eta import Forecast, Progress
from holotype.comparison.measuring import TaskPictures, drawn, finished, measure
from holotype.comparison.outcome import Outcome, Row
from holotype.comparison.storage import read_json, write_json
from holotype.datasets.lake import N_WAY
from holotype.errors import DataError, TrainingError

STATE = "comparison.json"


def compare(
    methods: Sequence[str],
    data: str,
    *,
    protocol: str,
    out: Path,
    budget: int | None = None,
    n_ways: Sequence[int] = (5,),
    k_shots: Sequence[int] = (1,),
    n_query: int = 15,
    episodes: int = 1000,
    seed: int = 0,
    strict: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Train what is not trained yet, and measure all on the same episodes of new classes.

    Args:
        methods: a method or `method:recipe`, the folder of a run, or a pack by name or folder;
            differences are taken to the first.
        data: what `load_dataset` takes; anything but Omniglot is divided by class.
        protocol: one of `evaluation.protocols.PROTOCOLS`; "lake" fixes ways, shots and queries.
        out: the folder of the comparison: new, or one to go on with.
        budget: training steps for each method; None: as its recipe says.
        n_ways: classes per episode, each with every one of `k_shots`.
        k_shots: examples per class.
        n_query: queries per class.
        episodes: how many of each kind.
        seed: of the division, of the training and of the episodes.
        strict: see `division.prepare`.
        progress: called as the work goes on.

    Raises:
        DataError: the data do not carry such a comparison, or `out` holds another one.
        TrainingError: a method cannot be trained, or a run or pack has seen the tested classes.
        KeyboardInterrupt: interrupted; what is finished is kept.
    """
    out = out.resolve()
    entered = contenders.named(methods, out)
    if protocol == "lake":  # its own 20 runs, as they are
        n_ways, k_shots = (N_WAY,), (1,)
    before = read_json(out / STATE)
    if before is None and out.exists() and any(out.iterdir()):
        raise DataError(
            f"'{out}' is not empty and holds no comparison", "Name a folder that does not exist yet"
        )
    forecast = Forecast(progress)
    division = prepare(
        data,
        protocol,
        out,
        n_ways=n_ways,
        trains=any(contenders.trains(one) for one in entered),
        seed=seed,
        strict=strict,
        told=forecast.aside,
    )
    identity = {
        **division.identity,
        "protocol": protocol,
        "seed": seed,
        "n_query": n_query,
        "episodes": episodes,
    }
    _require_same(out, before, identity)
    entered = [contenders.with_recipe(one, division, seed) for one in entered]
    tasks = drawn(division, protocol, n_ways, k_shots, n_query, episodes, seed)
    write_json(out / STATE, {**identity, "budget": budget})
    # What is refused is refused before hours of training.
    ready = {
        one.name: contenders.opened(one, division) for one in entered if not contenders.trains(one)
    }

    names = [one.name for one in entered]
    forecast.plan(_steps(entered, budget), names, [task.pictures for task in tasks])
    for one in entered:
        if contenders.trains(one):
            _train(one, division, budget, seed, forecast)
    for one in entered:
        if contenders.trains(one):
            ready[one.name] = contenders.opened(one, division)
    cells = out / "cells"
    found = {one.name: finished(cells, one, ready[one.name], tasks, forecast) for one in entered}
    pictures = TaskPictures(tasks)
    rows = []
    for one in entered:
        known = ready[one.name]
        measured = measure(cells, one, known, tasks, pictures, found[one.name], forecast)
        rows.append(Row(one.name, known.facts, measured))
    return Outcome(
        command=shlex.join(["holotype", *sys.argv[1:]]),
        data=division.identity["data"],
        protocol=protocol,
        n_query=tasks[0].plan.n_query,
        episodes=len(tasks[0].plan.index),
        seed=seed,
        budget=budget,
        division=division.division,
        unfit=division.unfit,
        remarks=division.remarks,
        rows=tuple(rows),
    )


def _require_same(out: Path, before: dict[str, Any] | None, identity: dict[str, Any]) -> None:
    if before is None:
        return
    now = json.loads(json.dumps(identity))
    for key in now:
        if before.get(key) != now[key]:
            shown = "" if isinstance(now[key], list) or key == "contents" else (
                f" ({before.get(key)!r}; now {now[key]!r})"
            )  # fmt: skip
            raise DataError(
                f"'{out}' holds a comparison with other {key}{shown}",
                "Start a new one in another folder, or state what that one was started with",
            )


def _steps(entered: Sequence[Contender], budget: int | None) -> dict[str, int]:
    """Training steps that are still to be done, by contender."""
    left = {}
    for one in entered:
        if not contenders.trains(one) or _trained(one):
            continue
        from holotype.train.pipeline import find_recipe

        _, recipe = find_recipe(one.method, one.recipe)
        history = read_json(one.where / "history.json") or {}
        left[one.name] = (budget or recipe.settings.steps) - len(history.get("loss", ()))
    return left


def _trained(one: Contender) -> bool:
    return (one.where / "method.pt").is_file()


def _train(
    one: Contender, division: Division, budget: int | None, seed: int, forecast: Forecast
) -> None:
    from holotype.train import runs
    from holotype.train.pipeline import train_run

    if _trained(one):
        steps = runs.read(one.where)["settings"]["steps"]
        if budget not in (None, steps):
            raise TrainingError(
                f"{one.where} was trained for {steps} steps; the budget is {budget}",
                f"State --budget {steps}, or start a new comparison in another folder",
            )
        return
    try:
        train_run(
            one.method,
            division.background,
            one.where,
            recipe=one.recipe,
            seed=seed,
            steps=budget,
            resume=(one.where / runs.RUN).is_file(),
            progress=lambda step: forecast.trained(one.name, step),
            preparing=forecast.aside,
        )
    except KeyboardInterrupt as stop:
        raise type(stop)(f"what is finished is kept in {one.where.parent.parent}") from None
