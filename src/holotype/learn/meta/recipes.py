"""How the meta-learning methods are trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holotype.learn.meta.classification import (
    ANIL,
    MAML,
    FirstOrderMAML,
    MetaSGD,
    ProtoMAML,
    Reptile,
)
from holotype.learn.meta.networks import TaskConv4
from holotype.learn.meta.point_recipes import POINT_RECIPES
from holotype.learn.pictures import PictureRecipe
from holotype.learn.recipe import Recipe
from holotype.learn.settings import TrainingSettings
from holotype.records import Preprocessing


def _recipe(kind: type[MAML], what: str, **options: Any) -> PictureRecipe:
    """20-way episodes, which teach more in the same time; the head's one start fits any number."""
    return PictureRecipe(
        build=lambda n_classes, size_px: kind(TaskConv4(size_px=size_px), **options),
        description=f"Conv4-64 at 28 px, 20-way 1-shot episodes with 5 queries, {what}; inductive, "
        "one start for all classes (Ye and Chao 2022), Vinyals split",
        preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
        settings=TrainingSettings(
            steps=4000,
            learning_rate=2e-3,
            precision="bfloat16",
            validate_every=500,
        ),
        training=("vinyals-train",),
        selection="vinyals-val",
        n_way=20,
        n_query=5,
        tasks=2,
    )


def _then_in_five(recipe: PictureRecipe) -> PictureRecipe:
    return replace(
        recipe,
        description="5-way episodes with 5 queries, to go on with a run of `conv4` (--from), "
        "Vinyals split",
        settings=replace(recipe.settings, steps=1200, learning_rate=2e-3),
        n_way=5,
        tasks=8,
        validation_n_way=5,
    )


def _for_a_pack(recipe: PictureRecipe) -> PictureRecipe:
    return replace(
        recipe,
        description=recipe.description.replace(
            "Vinyals split", "on Omniglot's background alphabets, which leave a cohort: for a pack"
        ),
        training=("training",),
        selection="selection",
    )


def _longer(recipe: PictureRecipe) -> PictureRecipe:
    """More steps, and a higher rate, which norms of their own in each inner step bear."""
    return replace(recipe, settings=replace(recipe.settings, steps=5000, learning_rate=4e-3))


_MAML = _longer(
    _recipe(
        MAML,
        "2 inner steps with rates learned for each layer and step and norms with scales and shifts "
        "of their own in each (Antoniou et al. 2019)",
        steps=2,
        rate=0.4,
        rates="per step",
        step_norms=True,
    )
)
_ANIL = _recipe(ANIL, "2 inner steps at rate 0.4", steps=2, rate=0.4)
_PROTOMAML = _recipe(ProtoMAML, "2 inner steps at rate 0.01", steps=2, rate=0.01)

_EPISODES: dict[str, dict[str, Recipe]] = {
    "maml": {"conv4": _MAML, "conv4-5way": _then_in_five(_MAML)},
    "fomaml": {"conv4": _recipe(FirstOrderMAML, "2 inner steps at rate 0.4", steps=2, rate=0.4)},
    "meta-sgd": {"conv4": _recipe(MetaSGD, "2 inner steps", steps=2, rate=0.4)},
    "anil": {"conv4": _ANIL, "characters": _for_a_pack(_ANIL)},
    "protomaml": {"conv4": _PROTOMAML, "characters": _for_a_pack(_PROTOMAML)},
    "reptile": {"conv4": _recipe(Reptile, "6 inner steps", steps=6, rate=0.1, test_steps=20)},
}

RECIPES: dict[str, dict[str, Recipe]] = {
    name: _EPISODES.get(name, {}) | POINT_RECIPES.get(name, {})
    for name in [*_EPISODES, *(name for name in POINT_RECIPES if name not in _EPISODES)]
}
