"""Recipes: everything that turns a method and a data set into a run, and a run into a pack."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype import images
from holotype.errors import DataError, TrainingError
from holotype.learn import runs
from holotype.learn.backbones import Conv4, Residual
from holotype.learn.batches import EpisodeBatch, collate
from holotype.learn.characters import CharacterBatches, variants
from holotype.learn.checkpoints import WEIGHTS, read_tensors
from holotype.learn.export import export_pack
from holotype.learn.history import History
from holotype.learn.method import Method
from holotype.learn.methods import METHODS
from holotype.learn.objectives import CosineSoftmax
from holotype.learn.settings import TrainingSettings
from holotype.learn.training import Progress, train
from holotype.learn.views import VIEWS
from holotype.pack import Pack
from holotype.records import Episode, Preprocessing
from holotype.tasks.datasets import Dataset, load_dataset
from holotype.tasks.episodes import episodes as gather
from holotype.tasks.episodes import sample
from holotype.tasks.evaluate import evaluate
from holotype.tasks.pictures import PackedDrawings, TurnedPictures, select
from holotype.tasks.splits import random_split, split

# Sources other than Omniglot have no alphabets: their classes are divided at random.
_FOLDER_SHARES = {"training": 0.7, "selection": 0.15, "cohort": 0.15}
# Folder pictures are fitted to this before other pens are drawn from them.
_DRAWING = Preprocessing("ink", size_px=105, margin_px=15)
_CHUNK = 256

Preparing = Callable[[str, int, int], None]  # what is being prepared, how much, of how much


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named way to train one method."""

    method: str  # a key of METHODS
    description: str
    preprocessing: Preprocessing
    settings: TrainingSettings
    training: tuple[str, ...]  # splits that are learned from
    selection: str | None  # the split that validates; None: nothing is chosen in the run
    n_way: int  # classes in a training batch
    n_query: int  # queries per class in a training episode; batches of pairs have 1
    pens: bool  # whether batches show each drawing as other pens and scanners would have made it


_CHARACTERS = Recipe(
    method="prototypical",
    description="the pack `characters`: residual network, cosine softmax over background "
    "classes, other pens and scanners; all background alphabets but the cohort's",
    preprocessing=Preprocessing("ink", size_px=48, margin_px=4),
    settings=TrainingSettings(
        steps=12000,
        learning_rate=4e-3,
        weight_decay=0.05,
        precision="bfloat16",
    ),
    training=("training", "selection"),
    selection=None,
    n_way=64,
    n_query=1,
    pens=True,
)
RECIPES: dict[str, Recipe] = {
    "characters": _CHARACTERS,
    "characters-selection": replace(
        _CHARACTERS,
        description="the same on fewer alphabets, validated on the selection alphabets: for "
        "choosing between settings",
        settings=replace(_CHARACTERS.settings, steps=1500, validate_every=500),
        training=("training",),
        selection="selection",
    ),
    "conv4": Recipe(
        method="prototypical",
        description="as in the paper: Conv4-64 at 28 px, 60-way 1-shot episodes with 5 queries "
        "(Snell et al. 2017, section 3.1), Vinyals split",
        preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
        settings=TrainingSettings(
            steps=10000, learning_rate=1e-3, schedule="halving", halve_every=2000
        ),
        training=("vinyals-train",),
        selection="vinyals-val",
        n_way=60,
        n_query=5,
        pens=False,
    ),
}


def train_run(
    method: str,
    data: str,
    out: Path,
    *,
    recipe: str | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    preparing: Preparing | None = None,
) -> History:
    """Train a method by a recipe and leave the run in a folder.

    Args:
        method: a key of `METHODS`.
        data: what `load_dataset` takes.
        out: folder of the run.
        recipe: a key of `RECIPES`; None: the method's first.
        seed: of the initial weights and of every batch.
        resume: go on with the run in `out`.
        progress: called after each step.
        preparing: called while pictures are prepared.

    Raises:
        TrainingError: no such method or recipe, or the run cannot start or go on.
        DataError: the data set cannot be read or has too few classes.
    """
    name, chosen = _recipe(method, recipe)
    settings = replace(chosen.settings, seed=seed)
    config = {"method": method, "recipe": name, "data": data}
    if resume:  # before minutes of preparation
        runs.check_same(out, settings, config)
    dataset = load_dataset(data)
    background = _part(dataset, chosen.training, seed)
    batches: Callable[[int], EpisodeBatch]
    if chosen.pens:
        batches = CharacterBatches(
            variants(_drawings(background), chosen.preprocessing, seed, _told(preparing)),
            background.class_index,
            min(chosen.n_way, 4 * len(background.class_names)),
            seed,
        )
        n_classes = batches.n_classes
    else:
        batches = EpisodicBatches(_prepared(background, chosen.preprocessing), chosen, seed)
        n_classes = len(background.class_names)
    torch.manual_seed(seed)
    built = build(chosen, n_classes)
    validate = (
        _validation(_part(dataset, (chosen.selection,), seed), chosen.preprocessing)
        if chosen.selection
        else None
    )
    return train(
        built,
        batches,
        settings,
        out,
        config=config,
        validate=validate,
        resume=resume,
        progress=progress,
    )


def export_run(run: Path, out: Path) -> Pack:
    """Export a finished run as a model pack; its cohort is the split that the run held back.

    Raises:
        TrainingError: the run is not finished, has no embedding or no cohort, or the export
            disagrees with it.
        DataError: the data set cannot be read.
        PackError: the pack cannot be written.
    """
    facts, recipe, method = _finished(run)
    if any(part.startswith("vinyals") for part in recipe.training):
        raise TrainingError(
            f"{run} was trained on the Vinyals split, which leaves no alphabets for a cohort",
            "Evaluate the run directly, or train with a recipe that holds classes back",
        )
    dataset, seed = load_dataset(facts["config"]["data"]), facts["settings"]["seed"]
    background, cohort = (_part(dataset, part, seed) for part in (recipe.training, ("cohort",)))
    return export_pack(
        method,
        out,
        name=out.name,
        preprocessing=recipe.preprocessing,
        cohort_images=_pixels(_prepared(cohort, recipe.preprocessing)),
        cohort_class_index=cohort.class_index,
        background_images=_pixels(_prepared(background, recipe.preprocessing)),
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
            "machine": platform.processor() or platform.machine(),
        },
        license=f"Apache-2.0; trained on {dataset.name} ({dataset.license or 'license not stated'},"
        f" {dataset.source})",
        views=VIEWS if recipe.pens else (),
    )


@dataclass(frozen=True, slots=True)
class RunScorer:
    """A finished run, ready for `tasks.evaluate`."""

    preprocessing: Preprocessing
    method: Method

    def scores(self, episode: Episode) -> NDArray[np.float32]:
        """An episode of prepared pictures -> float32 [Q, N]."""
        return self.method.episode_scores(episode)


def run_scorer(run: Path) -> RunScorer:
    """Load a finished run for evaluation.

    Raises:
        TrainingError: the run is missing, unfinished or damaged.
    """
    _, recipe, method = _finished(run)
    return RunScorer(recipe.preprocessing, method)


def build(recipe: Recipe, n_classes: int) -> Method:
    """The untrained method of a recipe, for so many background classes."""
    size_px = recipe.preprocessing.size_px
    if recipe.pens:
        backbone = Residual(size_px=size_px)
        objective = CosineSoftmax(n_classes, backbone.embedding_dim)
        return METHODS[recipe.method](backbone, objective)
    return METHODS[recipe.method](Conv4(size_px=size_px))


class EpisodicBatches:
    """One episode a step, a pure function of (seed, step).

    Args:
        dataset: pictures uint8 [M, 1, S, S], prepared.
        recipe: gives `n_way` and `n_query`; one support example per class.
        seed: of the run.
    """

    def __init__(self, dataset: Dataset, recipe: Recipe, seed: int) -> None:
        self.dataset = dataset
        self.recipe = recipe
        self.seed = seed

    def __call__(self, step: int) -> EpisodeBatch:
        """The batch of this step."""
        index = sample(
            self.dataset,
            n_way=self.recipe.n_way,
            k_shot=1,
            n_query=self.recipe.n_query,
            episodes=1,
            seed=self.seed * 1_000_003 + step,
        )
        return collate(list(gather(self.dataset.images, index)))


def _recipe(method: str, name: str | None) -> tuple[str, Recipe]:
    if method not in METHODS:
        raise TrainingError(f"there is no method {method!r}", f"Choose from {', '.join(METHODS)}")
    fitting = {key: recipe for key, recipe in RECIPES.items() if recipe.method == method}
    name = name or next(iter(fitting))
    if name not in fitting:
        raise TrainingError(
            f"there is no recipe {name!r} for {method}", f"Choose from {', '.join(fitting)}"
        )
    return name, fitting[name]


def _finished(run: Path) -> tuple[dict[str, Any], Recipe, Method]:
    facts = runs.read(run)
    state = read_tensors(run / WEIGHTS)
    _, recipe = _recipe(facts["config"]["method"], facts["config"]["recipe"])
    weight = state.get("objective.weight")
    method = build(recipe, 0 if weight is None else len(weight))
    try:
        method.load_state_dict(state)
    except RuntimeError as error:
        raise TrainingError(
            f"{run / WEIGHTS} does not fit its recipe ({str(error).splitlines()[0]})",
            "Use the version of holotype that trained it, or train again",
        ) from error
    method.eval()
    return facts, recipe, method


def _part(dataset: Dataset, names: tuple[str, ...], seed: int) -> Dataset:
    """The classes of several splits together."""
    if dataset.name == "omniglot":
        if len(names) == 1:
            return split(dataset, names[0])
        classes = [name for part in names for name in split(dataset, part).class_names]
    else:
        if any(name not in _FOLDER_SHARES for name in names):
            raise DataError(
                f"the split {names[0]!r} is defined on omniglot, not on {dataset.name!r}",
                "Choose another recipe",
            )
        parts = random_split(dataset, _FOLDER_SHARES, seed)
        classes = [name for part in names for name in parts[part].class_names]
    position = {name: index for index, name in enumerate(dataset.class_names)}
    return dataset.subset([position[name] for name in classes])


def _drawings(dataset: Dataset) -> NDArray[np.bool_]:
    """Ink masks at the resolution of the drawing: bool [M, H, W]."""
    if isinstance(dataset.images, PackedDrawings):
        return np.asarray(dataset.images[:] == 0)
    return np.asarray(images.prepare_batch(dataset.images[:], _DRAWING)[:, 0] > 0.5)


def _pixels(prepared: Dataset) -> NDArray[np.float32]:
    return np.asarray(prepared.images[:] / np.float32(255), dtype=np.float32)


def _prepared(dataset: Dataset, preprocessing: Preprocessing) -> Dataset:
    """The data set as the model sees it, uint8 [M, 1, S, S]; turned classes stay lazy."""
    turned = dataset.images if isinstance(dataset.images, TurnedPictures) else None
    raw = turned.base if turned else dataset.images
    used = np.unique(turned.picture) if turned else np.arange(len(raw))
    size_px = preprocessing.size_px
    result = np.zeros((len(raw), 1, size_px, size_px), dtype=np.uint8)
    for start in range(0, len(used), _CHUNK):
        rows = used[start : start + _CHUNK]
        batch = images.prepare_batch(select(raw, rows)[:], preprocessing)
        result[rows] = np.round(batch * 255).astype(np.uint8)
    return replace(dataset, images=replace(turned, base=result) if turned else result)


def _validation(dataset: Dataset, preprocessing: Preprocessing) -> Callable[[Method], float]:
    """Accuracy in percent on fixed 20-way 1-shot episodes, within alphabets where they are."""
    prepared = _prepared(dataset, preprocessing)
    plain = not isinstance(dataset.images, TurnedPictures)
    n_way = min(20, len(dataset.class_names))
    index = sample(
        prepared,
        n_way=n_way,
        k_shot=1,
        n_query=5,
        episodes=200,
        seed=0,
        within_group=plain and any(dataset.group),
    )

    def accuracy(method: Method) -> float:
        return evaluate(
            method.episode_scores, gather(prepared.images, index), protocol="selection", n_query=5
        ).accuracy

    return accuracy


def _told(preparing: Preparing | None) -> Callable[[int, int], None] | None:
    if preparing is None:
        return None
    return lambda done, total: preparing("drawing the background with other pens", done, total)
