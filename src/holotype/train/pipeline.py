"""From a recipe and data to a run, and from a run to a pack or to scores."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.errors import TrainingError
from holotype.pack import Pack
from holotype.preprocessing import Preprocessing
from holotype.records import Episode, OnProgress
from holotype.train import runs
from holotype.train.checkpoints import WEIGHTS, read_tensors
from holotype.train.config import RunConfig
from holotype.train.device import find_device
from holotype.train.export import export_pack
from holotype.train.feature_comparison import asked
from holotype.train.fitting import fitting_recipe
from holotype.train.history import History
from holotype.train.method import Method
from holotype.train.picture_recipes import HELD_OUT, PictureRecipe, part, pixels, prepared
from holotype.train.plan import Plan, Wishes, planned, recorded
from holotype.train.processes import ALONE, Processes, device_of_process, divided, undivided
from holotype.train.recipe import Recipe
from holotype.train.recipes import RECIPES
from holotype.train.settings import Precision, changed
from holotype.train.speed import computing_with
from holotype.train.training import Progress, check_trainable, train


def train_run(
    method: str | None,
    data: str | None,
    out: Path,
    *,
    like: RunConfig | None = None,
    recipe: str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    precision: Precision | Literal["auto"] | None = None,
    threads: int | None = None,
    device: str | None = None,
    begin: Path | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    planning: Callable[[Plan], None] | None = None,
    preparing: OnProgress | None = None,
    processes: Processes = ALONE,
) -> History:
    """Train a method by a recipe and leave the run in a folder.

    Args:
        method: a key of `RECIPES`; None: as `like` says.
        data: what the recipe learns from; for pictures, what `load_dataset` takes; None: as `like`
            says.
        out: folder of the run.
        like: what holds where nothing else is said; None: of a run to resume, its `run.json`.
        recipe: a key of `RECIPES[method]`; None: what `fitting_recipe` finds, else the first.
        seed: of the initial weights and of every batch; None: 0.
        steps: how many; None: as the recipe says. Its schedule is stretched to them.
        minutes: at most, from here to the end of training: as many steps are done as fit, by the
            speed that is measured at the start, and not more than the recipe says.
        precision: of the forward pass; "auto": what is fastest here, of those that the recipe
            learns in; None: as `like` says, or else "auto".
        threads: how many; None: what is fastest here.
        device: `cpu`, `cuda` or `cuda:N`; None: a GPU where there is one.
        begin: a finished run of the method, with whose weights this one begins.
        resume: go on with the run in `out`.
        progress: called after each step.
        planning: called before the first step, with what was chosen and what it will take.
        preparing: called while data are prepared.
        processes: that train it together (`processes.joined`), each called with the same: a step
            is one of as many batches, unless `like` says how many. The first plans, writes and
            tells.

    Raises:
        TrainingError: no such method or recipe, a value out of its range, or the run cannot start
            or go on.
        DataError: the data set cannot be read or has too few classes.
    """
    began = time.monotonic()
    if like is None:
        like = processes.of_first(
            lambda: RunConfig.of(runs.read(out), out / runs.RUN) if resume else RunConfig()
        )
    if processes.rank:
        planning = preparing = None
    method, data = method or like.method, data or like.data
    if method is None or data is None:
        raise TrainingError(
            "a run needs a method and data to learn from",
            "Name both, or a file that does (on the command line METHOD, --data, --config)",
        )
    recipe = recipe or (like.recipe if method == like.method else None)
    name, chosen = find_recipe(method, recipe or fitting_recipe(RECIPES.get(method, {}), data))
    said = {**like.settings, **({} if seed is None else {"seed": seed})}
    settings = changed(chosen.settings, said)
    settings = replace(settings, accumulate=divided(settings, said, processes))
    if steps is None and minutes is None:
        steps = said.get("steps")
    precision = said.get("precision") if precision is None else precision
    threads = like.threads if threads is None else threads
    wishes = Wishes(steps, minutes, precision, threads, device)
    config: dict[str, Any] = {"method": method, "recipe": name, "data": data}
    if begin is not None:
        config["from"] = _beginning(begin, method)
    if like.begun is not None and config.get("from") != like.begun:
        raise TrainingError(
            f"a run like that begins with the weights of a run of {like.begun.get('steps')} steps "
            f"and seed {like.begun.get('seed')}, which is not the one named",
            "Name that run (on the command line --from)",
        )

    def earlier() -> Plan | None:
        if not resume:
            runs.check_new(out)
            return None
        plan = recorded(out, settings, wishes)
        runs.check_same(out, plan.settings, config)
        return plan

    # What is refused is refused before minutes of preparation.
    plan = processes.of_first(earlier)
    processor = device_of_process(find_device(plan.device if plan else device), processes)
    ready = chosen.prepare(data, settings.seed, preparing)
    check_trainable(ready.learner)
    undivided(ready.learner.indivisible, processes)
    ready.learner.to(processor)
    if begin is not None:
        _begin_with(ready.learner, begin, name)

    def new() -> Plan:
        each = replace(settings, accumulate=settings.accumulate // processes.count)
        made = planned(ready, each, wishes, time.monotonic() - began)
        return replace(made, settings=replace(made.settings, accumulate=settings.accumulate))

    plan = plan or processes.of_first(new)
    if planning:
        planning(plan)
    with computing_with(plan.threads):
        return train(
            ready.learner,
            ready.batches,
            plan.settings,
            out,
            config=config,
            facts=plan.facts | {"processes": processes.count},
            validate=ready.validate,
            resume=resume,
            forecast=plan.forecast,
            progress=progress,
            processes=processes,
        )


def held_out(run: Path) -> tuple[Dataset, int] | None:
    """Classes that a run and its pack have not seen, and the run's seed; None for Omniglot.

    Its evaluation alphabets are opened by who asks for them, not with each run.

    Raises:
        TrainingError: the run is missing or unfinished.
        DataError: the data set cannot be read.
    """
    facts, _, _ = _finished(run)
    dataset, seed = load_dataset(facts["config"]["data"]), facts["settings"]["seed"]
    return None if dataset.divided else (part(dataset, (HELD_OUT,), seed), seed)


def export_run(run: Path, out: Path) -> Pack:
    """Export a finished run as a model pack; its cohort is the split that the run held back.

    Raises:
        TrainingError: the run is not finished, has no embedding or no cohort, or the export
            disagrees with it.
        DataError: the data set cannot be read.
        PackError: the pack cannot be written.
    """
    facts, recipe, method = _finished(run)
    dataset, seed = load_dataset(facts["config"]["data"]), facts["settings"]["seed"]
    # Of a folder every recipe holds classes back.
    vinyals = any(name.startswith("vinyals") for name in recipe.training)
    if vinyals and dataset.divided:
        raise TrainingError(
            f"{run} was trained on the Vinyals split, which leaves no alphabets for a cohort",
            "Evaluate the run directly, or train with a recipe that holds classes back",
        )
    background, cohort = recipe.kept(dataset, seed)
    return export_pack(
        method,
        out,
        name=out.name,
        preprocessing=recipe.preprocessing,
        cohort_images=pixels(prepared(cohort, recipe.preprocessing)),
        cohort_class_index=cohort.class_index,
        background_images=pixels(prepared(background, recipe.preprocessing)),
        background_class_index=background.class_index,
        cohort={"data": dataset.name, "class_names": list(cohort.class_names)},
        background={"data": dataset.name, "class_names": list(background.class_names)},
        training={
            "command": facts["command"],
            "recipe": facts["config"]["recipe"],
            "steps": facts["settings"]["steps"],
            "seed": seed,
            "commit": facts["commit"],
            "minutes": round(History.read(run).seconds / 60, 1),
            "threads": facts["threads"],
            "precision": facts["settings"]["precision"],
            "machine": platform.processor() or platform.machine(),
        },
        license=f"Apache-2.0; trained on {dataset.name} ({dataset.license or 'license not stated'},"
        f" {dataset.source})",
        views=recipe.views,
        shrinkage=recipe.shrinkage,
    )


@dataclass(frozen=True, slots=True)
class RunScorer:
    """A finished run, ready for `evaluation.accuracy`."""

    recipe: PictureRecipe
    method: Method
    facts: dict[str, Any]  # of `run.json`

    @property
    def preprocessing(self) -> Preprocessing:
        """What prepares its pictures."""
        return self.recipe.preprocessing

    @property
    def encode(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]] | None:
        """What `scores` needs of prepared pictures; None: the pictures themselves."""
        return asked(self.method)[0]

    def scores(self, episode: Episode) -> NDArray[np.float32]:
        """An episode of what `encode` gives -> float32 [Q, N]."""
        return asked(self.method)[1](episode)


def run_scorer(run: Path) -> RunScorer:
    """Load a finished run for evaluation.

    Raises:
        TrainingError: the run is missing, unfinished or damaged.
    """
    facts, recipe, method = _finished(run)
    return RunScorer(recipe, method, facts)


def find_recipe(method: str, name: str | None) -> tuple[str, Recipe]:
    """A recipe of a method by name; without one, the method's first.

    Raises:
        TrainingError: no such method, or no such recipe for it.
    """
    if method not in RECIPES:
        raise TrainingError(
            f"there is no method {method!r} to train", f"Choose from {', '.join(RECIPES)}"
        )
    fitting = RECIPES[method]
    name = name or next(iter(fitting))
    if name not in fitting:
        raise TrainingError(
            f"there is no recipe {name!r} for {method}", f"Choose from {', '.join(fitting)}"
        )
    return name, fitting[name]


def _beginning(run: Path, method: str) -> dict[str, Any]:
    """What a run notes of the one that it begins with."""
    facts, weights = runs.read(run), run / WEIGHTS
    if facts["config"].get("method") != method:
        raise TrainingError(
            f"{run} is a run of {facts['config'].get('method')}, and this one is of {method}",
            f"Begin with a run of {method}",
        )
    if not weights.is_file():
        raise TrainingError(f"{run} is not finished", "Train it to its end first")
    return {
        "recipe": facts["config"].get("recipe"),
        "seed": facts["settings"].get("seed"),
        "steps": facts["settings"].get("steps"),
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }


def _begin_with(learner: nn.Module, run: Path, recipe: str) -> None:
    try:
        learner.load_state_dict(read_tensors(run / WEIGHTS))
    except RuntimeError as error:
        raise TrainingError(
            f"the weights of {run} do not fit the recipe {recipe} "
            f"({str(error).splitlines()[-1].strip()})",
            "Begin with a run whose network and number of classes are the same",
        ) from error


def _finished(run: Path) -> tuple[dict[str, Any], PictureRecipe, Method]:
    facts = runs.read(run)
    if not {"method", "recipe", "data"} <= facts["config"].keys():
        known = facts.get("versions", {}).get("holotype", "unknown")
        raise TrainingError(
            f"{run} was written by holotype {known}, which noted another set of facts",
            "Use that version of holotype, or train again",
        )
    state = read_tensors(run / WEIGHTS)
    _, recipe = find_recipe(facts["config"]["method"], facts["config"]["recipe"])
    if not isinstance(recipe, PictureRecipe):
        raise TrainingError(
            f"{run} is of {facts['config']['method']}, which answers no episodes of pictures",
            "Name a run of a method that does (`holotype methods`)",
        )
    weight = state.get("objective.weight")
    method = recipe.build(0 if weight is None else len(weight), recipe.preprocessing.size_px)
    try:
        method.load_state_dict(state)
    except RuntimeError as error:
        raise TrainingError(
            f"{run / WEIGHTS} does not fit its recipe ({str(error).splitlines()[0]})",
            "Use the version of holotype that trained it, or train again",
        ) from error
    method.precision = facts["settings"].get("precision", recipe.settings.precision)
    method.eval()
    return facts, recipe, method
