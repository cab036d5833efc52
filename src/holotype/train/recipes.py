"""All recipes: learner, then name; the first of a learner is its default."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from holotype.train import minimal, pack_recipes
from holotype.train.methods.memory import intent_recipes, lstm, ntm
from holotype.train.methods.meta import point_recipes
from holotype.train.recipe import Recipe
from holotype.train.registry import METHODS


def _joined(*parts: Mapping[str, Mapping[str, Recipe]]) -> dict[str, Mapping[str, Recipe]]:
    """One learner's recipes may come from several places."""
    joined: dict[str, Mapping[str, Recipe]] = {}
    for part in parts:
        for learner, recipes in part.items():
            joined[learner] = {**joined.get(learner, {}), **recipes}
    return joined


_of_methods = (
    getattr(import_module(path), "RECIPES", {})
    for path in dict.fromkeys(card.path for card in METHODS.values())
)
RECIPES = _joined(
    {"prototypical": pack_recipes.RECIPES},
    *_of_methods,
    {"prototypical": minimal.RECIPES},
    ntm.RECIPES,
    lstm.RECIPES,
    {"memory-network": {"intents": intent_recipes.INTENTS}},
    point_recipes.RECIPES,
)
