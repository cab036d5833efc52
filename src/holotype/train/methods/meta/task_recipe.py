"""How the methods that adapt to each task are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from holotype.preprocessing import Preprocessing
from holotype.train.method import Method
from holotype.train.methods.meta.networks import TaskConv4
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings


def task_recipe(kind: Callable[..., Method], what: str, **options: Any) -> PictureRecipe:
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


def for_a_pack(recipe: PictureRecipe) -> PictureRecipe:
    """The same on background that leaves a cohort."""
    return replace(
        recipe,
        description=recipe.description.replace(
            "Vinyals split", "on Omniglot's background alphabets, which leave a cohort: for a pack"
        ),
        training=("training",),
        selection="selection",
    )
