"""Reptile (Nichol, Achiam and Schulman 2018)."""

from __future__ import annotations

from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.task_recipe import task_recipe


class Reptile(MAML):
    """The start moves toward where plain training on each task ends (Nichol et al. 2018)."""

    outer = "difference"


RECIPES = {
    "reptile": {"conv4": task_recipe(Reptile, "6 inner steps", steps=6, rate=0.1, test_steps=20)}
}
