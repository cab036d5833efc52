"""Proto-MAML (Triantafillou et al. 2020, section 3)."""

from __future__ import annotations

from holotype.train.methods.meta.maml import EmbeddingMAML
from holotype.train.methods.meta.task_recipe import for_a_pack, task_recipe


class ProtoMAML(EmbeddingMAML):
    """MAML whose head starts as a prototype classifier (Triantafillou et al. 2020)."""

    head = "prototypes"


_CONV4 = task_recipe(ProtoMAML, "2 inner steps at rate 0.01", steps=2, rate=0.01)

RECIPES = {"protomaml": {"conv4": _CONV4, "characters": for_a_pack(_CONV4)}}
