"""How the metric methods are trained."""

from __future__ import annotations

from dataclasses import replace

from holotype.learn.backbones import Conv4, Residual
from holotype.learn.metric.prototypical import PrototypicalNetworks
from holotype.learn.objectives import CosineSoftmax
from holotype.learn.pictures import PictureRecipe
from holotype.learn.settings import TrainingSettings
from holotype.records import Preprocessing


def _cosine(n_classes: int, size_px: int) -> PrototypicalNetworks:
    backbone = Residual(size_px=size_px)
    return PrototypicalNetworks(backbone, CosineSoftmax(n_classes, backbone.embedding_dim))


_CHARACTERS = PictureRecipe(
    build=_cosine,
    description="the pack `characters`: residual network, cosine softmax over background "
    "classes, other pens and scanners; all background alphabets but the cohort's",
    preprocessing=Preprocessing("ink", size_px=48, margin_px=4),
    settings=TrainingSettings(
        steps=12000,
        learning_rate=4e-3,
        weight_decay=0.05,
        precision="bfloat16",
    ),
    training=("training", "selection"),
    selection=None,
    n_way=64,
    n_query=1,
    pens=True,
)
_PROTOTYPICAL = {
    "characters": _CHARACTERS,
    "characters-selection": replace(
        _CHARACTERS,
        description="the same on fewer alphabets, validated on the selection alphabets: for "
        "choosing between settings",
        settings=replace(_CHARACTERS.settings, steps=1500, validate_every=500),
        training=("training",),
        selection="selection",
    ),
    "conv4": PictureRecipe(
        build=lambda n_classes, size_px: PrototypicalNetworks(Conv4(size_px=size_px)),
        description="as in the paper: Conv4-64 at 28 px, 60-way 1-shot episodes with 5 queries "
        "(Snell et al. 2017, section 3.1), Vinyals split",
        preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
        settings=TrainingSettings(
            steps=10000,
            learning_rate=1e-3,
            schedule="halving",
            halve_every=2000,
            precision="bfloat16",
        ),
        training=("vinyals-train",),
        selection="vinyals-val",
        n_way=60,
        n_query=5,
    ),
}

RECIPES: dict[str, dict[str, PictureRecipe]] = {
    "prototypical": _PROTOTYPICAL,
}
