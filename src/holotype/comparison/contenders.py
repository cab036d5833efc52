"""What takes part: a method to train, the folder of a run, or a model pack."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from holotype.comparison.division import Division, plain
from holotype.datasets.catalogue import load_dataset
from holotype.embedder import Embedder
from holotype.errors import DataError, TrainingError
from holotype.evaluation.accuracy import prototype_scores
from holotype.pack import Pack, load_pack, shipped_packs
from holotype.preprocessing import Preprocessing
from holotype.records import Episode

if TYPE_CHECKING:
    from holotype.train.method import Method
    from holotype.train.picture_recipes import PictureRecipe

# The recipe that all methods share, on the backbone of the papers: equal terms where it fits.
_SHARED_RECIPE = "conv4"


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the comparison, before anything is trained."""

    name: str  # as the user named it
    kind: Literal["method", "run", "pack"]
    where: Path  # of the run, or of the pack; of a method the run to be
    method: str = ""
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A contender that can answer episodes."""

    identity: str  # changes with the weights
    preprocessing: Preprocessing
    encode: Callable[[NDArray[Any]], NDArray[Any]] | None  # None: episodes hold pictures
    scores: Callable[[Episode], NDArray[Any]]
    facts: dict[str, Any]  # how it came to be, for the table


def named(arguments: Sequence[str], out: Path) -> list[Contender]:
    """Tell methods, runs and packs apart.

    Args:
        arguments: a method or `method:recipe`, the folder of a run, or a pack by name or folder.
        out: the folder of the comparison; runs are trained in `out`/runs.

    Raises:
        DataError: none was named, or one twice.
        TrainingError: a name is none of these.
    """
    contenders = [_contender(argument, out) for argument in arguments]
    names = [contender.name for contender in contenders]
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    if twice or not names:
        raise DataError(
            f"'{twice[0]}' is named twice" if twice else "there is nothing to compare",
            "Name each method, run or pack once, those of one name by different folder names",
        )
    return contenders


def trains(contender: Contender) -> bool:
    """Whether it learns from the background of this comparison."""
    if contender.kind != "method":
        return False
    from holotype.train.registry import METHODS

    return METHODS[contender.method].load().trainable


def with_recipe(contender: Contender, division: Division, seed: int) -> Contender:
    """A method with the recipe that fits the division; anything else as it is.

    The recipe that the user named, or else the one that all methods share, or else the method's
    first; in any case one whose classes are not among those that are tested on.

    Raises:
        TrainingError: none fits.
        DataError: the data do not fit the recipe that was named.
    """
    if not trains(contender):
        return contender
    from holotype.train.picture_recipes import PictureRecipe
    from holotype.train.pipeline import find_recipe
    from holotype.train.recipes import RECIPES

    if contender.recipe is not None:
        names = [contender.recipe]
    else:
        names = sorted(RECIPES[contender.method], key=lambda name: name != _SHARED_RECIPE)
    overlap = ""
    for name in names:
        _, recipe = find_recipe(contender.method, name)
        if not isinstance(recipe, PictureRecipe):
            continue
        learned = _learned(recipe, division.background, seed)
        shared = _shared(learned, division)
        if not shared:
            where = contender.where.with_name(f"{contender.method}-{name}")
            return Contender(contender.name, "method", where, contender.method, name)
        overlap = f": {name} learns from {len(shared)} classes that are tested on"
    raise TrainingError(
        f"no recipe of {contender.method} fits this protocol{overlap}",
        "Choose another protocol, or name a recipe as method:recipe (`holotype methods`)",
    )


def opened(contender: Contender, division: Division) -> Opened:
    """Load what is trained by now.

    Raises:
        TrainingError: a run is unfinished, damaged, or learned from classes that are tested on.
        PackError: a pack cannot be loaded.
        DataError: what a run learned from is no longer there.
    """
    if contender.kind == "pack":
        return _opened_pack(contender, load_pack(str(contender.where)), division)
    if contender.kind == "method" and not trains(contender):
        return _opened_untrained(contender)
    return _opened_run(contender, division)


def _contender(argument: str, out: Path) -> Contender:
    path = Path(argument)
    if (path / "run.json").is_file():
        return Contender(path.resolve().name, "run", path)
    if (path / "card.json").is_file():
        return Contender(path.resolve().name, "pack", path)
    if argument in shipped_packs():
        return Contender(argument, "pack", path)
    from holotype.train.registry import METHODS

    method, _, recipe = argument.partition(":")
    if method not in METHODS:
        raise TrainingError(
            f"{argument!r} is no method, and no folder of a run or a model pack",
            f"Choose from {', '.join((*METHODS, *shipped_packs()))}, or name a folder",
        )
    return Contender(argument, "method", out / "runs" / method, method, recipe or None)


def _opened_run(contender: Contender, division: Division) -> Opened:
    from holotype.train.history import History
    from holotype.train.pipeline import run_scorer

    run = run_scorer(contender.where)
    settings = run.facts["settings"]
    learned = _learned(run.recipe, run.facts["config"]["data"], settings["seed"])
    _require_unseen(contender, _shared(learned, division))
    weights = (contender.where / "method.pt").read_bytes()
    return Opened(
        identity=hashlib.sha256(weights).hexdigest(),
        preprocessing=run.preprocessing,
        encode=run.encode,
        scores=run.scores,
        facts={
            "method": run.facts["config"]["method"],
            "recipe": run.facts["config"]["recipe"],
            "steps": settings["steps"],
            "seed": settings["seed"],
            "training_minutes": round(History.read(contender.where).seconds / 60, 2),
            "precision": settings["precision"],
            **_of_method(run.method),
        },
    )


def _opened_untrained(contender: Contender) -> Opened:
    from holotype.train.feature_comparison import asked
    from holotype.train.picture_recipes import PictureRecipe
    from holotype.train.recipes import RECIPES
    from holotype.train.registry import METHODS

    recipe = next(iter(RECIPES.get(contender.method, {}).values()), None)
    if isinstance(recipe, PictureRecipe):
        preprocessing = recipe.preprocessing
        method = recipe.build(0, preprocessing.size_px)
    else:
        preprocessing = Preprocessing("frame", size_px=28, margin_px=0)
        method = METHODS[contender.method].load()()
    encode, scores = asked(method)
    return Opened(
        identity=f"{contender.method}: nothing to train",
        preprocessing=preprocessing,
        encode=encode,
        scores=scores,
        facts={
            "method": contender.method,
            "recipe": None,
            "steps": 0,
            "seed": None,
            "training_minutes": 0.0,
            **_of_method(method),
        },
    )


def _opened_pack(contender: Contender, pack: Pack, division: Division) -> Opened:
    from holotype.train.sizes import pack_parameters

    background = pack.card.background
    _require_unseen(
        contender, _shared((background.get("data", ""), background["class_names"]), division)
    )
    embedder = Embedder(pack)
    return Opened(
        identity=pack.card.model_id,
        preprocessing=embedder.preprocessing,
        encode=embedder.embed_prepared,
        scores=prototype_scores,
        facts={
            "method": "model pack",
            "recipe": pack.card.training.get("recipe"),
            "steps": pack.card.training.get("steps"),
            "seed": pack.card.training.get("seed"),
            "training_minutes": pack.card.training.get("minutes"),
            "parameters": pack_parameters(pack),
            "transductive": False,
        },
    )


def _of_method(method: Method) -> dict[str, Any]:
    from holotype.train.sizes import method_parameters

    return {"parameters": method_parameters(method), "transductive": method.transductive}


def _learned(recipe: PictureRecipe, data: str, seed: int) -> tuple[str, Sequence[str]]:
    """The data set that a recipe learns from, and the classes of it."""
    from holotype.train.picture_recipes import part

    seen = recipe.training if recipe.selection is None else (*recipe.training, recipe.selection)
    dataset = load_dataset(data)
    names = [name for one in seen for name in part(dataset, (one,), seed).class_names]
    return dataset.name, names


def _shared(learned: tuple[str, Sequence[str]], division: Division) -> list[str]:
    """The classes that were learned from, or chosen by, and are tested on as well."""
    data, names = learned
    if data != division.test.name:
        return []
    return sorted({plain(name) for name in names} & division.tested)


def _require_unseen(contender: Contender, shared: Sequence[str]) -> None:
    if shared:
        raise TrainingError(
            f"{contender.name} learned from {len(shared)} of the classes that are tested on, such "
            f"as '{shared[0]}'; one-shot accuracy is measured on classes that are new",
            "Choose another protocol or data set, or train it without these classes",
        )
