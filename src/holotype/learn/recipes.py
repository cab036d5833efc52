"""The recipes of all families: method, then name; the first of a method is its default."""

from __future__ import annotations

from collections.abc import Mapping

from holotype.learn.generative import minimal
from holotype.learn.generative import recipes as generative
from holotype.learn.memory import recipes as memory
from holotype.learn.meta import recipes as meta
from holotype.learn.metric import recipes as metric
from holotype.learn.recipe import Recipe

RECIPES: dict[str, Mapping[str, Recipe]] = {
    **metric.RECIPES,
    **memory.RECIPES,
    **generative.RECIPES,
    **meta.RECIPES,
    "prototypical": {**metric.RECIPES["prototypical"], **minimal.RECIPES},
}
