"""Meta-SGD (Li, Zhou, Chen and Li 2017)."""

from __future__ import annotations

from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.task_recipe import task_recipe


class MetaSGD(MAML):
    """MAML that learns an inner rate for every weight (Li et al. 2017)."""

    inner_rates = "per weight"


RECIPES = {"meta-sgd": {"conv4": task_recipe(MetaSGD, "2 inner steps", steps=2, rate=0.4)}}
