"""All recipes: learner, then name; the first of a learner is its default."""

from __future__ import annotations

from collections.abc import Mapping

from holotype.train import minimal, pack_recipes
from holotype.train.methods.generative import dagan, homoencoder, vae
from holotype.train.methods.memory import (
    intent_recipes,
    key_value,
    lifelong,
    lstm,
    mann,
    memory_network,
    ntm,
)
from holotype.train.methods.meta import anil, maml, meta_sgd, point_recipes, protomaml, reptile
from holotype.train.methods.metric import (
    baseline_plus_plus,
    contrastive,
    matching,
    prototypical,
    relation,
    siamese,
    simpleshot,
    triplet,
)
from holotype.train.recipe import Recipe


def _joined(*parts: Mapping[str, Mapping[str, Recipe]]) -> dict[str, Mapping[str, Recipe]]:
    """One learner's recipes may come from several places."""
    joined: dict[str, Mapping[str, Recipe]] = {}
    for part in parts:
        for learner, recipes in part.items():
            joined[learner] = {**joined.get(learner, {}), **recipes}
    return joined


RECIPES = _joined(
    {"prototypical": pack_recipes.RECIPES},
    prototypical.RECIPES,
    {"prototypical": minimal.RECIPES},
    matching.RECIPES,
    relation.RECIPES,
    siamese.RECIPES,
    contrastive.RECIPES,
    triplet.RECIPES,
    baseline_plus_plus.RECIPES,
    simpleshot.RECIPES,
    ntm.RECIPES,
    lstm.RECIPES,
    mann.RECIPES,
    lifelong.RECIPES,
    memory_network.RECIPES,
    {"memory-network": {"intents": intent_recipes.INTENTS}},
    key_value.RECIPES,
    homoencoder.RECIPES,
    vae.RECIPES,
    dagan.RECIPES,
    maml.RECIPES,
    meta_sgd.RECIPES,
    anil.RECIPES,
    protomaml.RECIPES,
    reptile.RECIPES,
    point_recipes.RECIPES,
)
