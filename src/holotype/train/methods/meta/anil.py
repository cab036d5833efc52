"""Almost no inner loop (Raghu, Raghu, Bengio and Vinyals 2020)."""

from __future__ import annotations

from holotype.train.methods.meta.maml import EmbeddingMAML
from holotype.train.methods.meta.task_recipe import for_a_pack, task_recipe


class ANIL(EmbeddingMAML):
    """MAML in which only the head adapts (Raghu et al. 2020)."""

    adapts = "head"


_CONV4 = task_recipe(ANIL, "2 inner steps at rate 0.4", steps=2, rate=0.4)

RECIPES = {"anil": {"conv4": _CONV4, "characters": for_a_pack(_CONV4)}}
