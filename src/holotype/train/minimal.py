"""Recipes for the minimal backgrounds of five alphabets (Lake et al. 2015, figure 6)."""

from __future__ import annotations

from dataclasses import replace

from holotype.train.augmentation.filling import Filling
from holotype.train.pack_recipes import RECIPES as PACKS
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.test_time_augmentation import NARROW

_CHARACTERS = PACKS["characters"]
_PEN = Filling(mirrored=True, invented=2)


def _minimal(name: str, filling: Filling | None) -> PictureRecipe:
    filled = " and what a pen makes of them: mirrored, and twice as many invented ones"
    return replace(
        _CHARACTERS,
        description=f"the network of `characters` on the five alphabets of {name}"
        + (filled if filling else " alone"),
        settings=replace(_CHARACTERS.settings, steps=6000, schedule="one_cycle"),
        views=NARROW,
        shrinkage=None,
        training=(name,),
        filling=filling,
    )


def _choosing(recipe: PictureRecipe) -> PictureRecipe:
    return replace(
        recipe,
        description="the same on three of the alphabets, validated on the other two",
        settings=replace(recipe.settings, steps=3000, validate_every=1000),
        training=("small1-training",),
        selection="small1-selection",
    )


_PLAIN = {name: _minimal(name, None) for name in ("small1", "small2")}
_FILLED = {f"{name}-pen": _minimal(name, _PEN) for name in ("small1", "small2")}

RECIPES: dict[str, PictureRecipe] = {
    **_PLAIN,
    **_FILLED,
    "small1-selection": _choosing(_PLAIN["small1"]),
    "small1-pen-selection": _choosing(_FILLED["small1-pen"]),
}
