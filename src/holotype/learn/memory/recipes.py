"""The recipes of the memory family."""

from __future__ import annotations

from collections.abc import Mapping

from holotype.learn.memory import instance_recipes, sequence_recipes
from holotype.learn.memory.episode_recipes import EPISODE_RECIPES
from holotype.learn.recipe import Recipe

RECIPES: dict[str, Mapping[str, Recipe]] = {
    **sequence_recipes.RECIPES,
    **instance_recipes.RECIPES,
    **EPISODE_RECIPES,
}
