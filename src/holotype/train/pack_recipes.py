"""The recipes of packs: networks made to recognize with, and not to stand beside a paper."""

from __future__ import annotations

from dataclasses import replace

from holotype.preprocessing import Preprocessing
from holotype.train.augmentation.signatures import Signing
from holotype.train.backbones import Residual
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings
from holotype.train.test_time_augmentation import NARROW, WIDE


def _characters(n_classes: int, size_px: int) -> PrototypicalNetworks:
    backbone = Residual(size_px=size_px)
    return PrototypicalNetworks(backbone, CosineSoftmax(n_classes, backbone.embedding_dim))


_CHARACTERS = PictureRecipe(
    build=_characters,
    description="the pack `characters`: residual network, cosine softmax over background "
    "classes, other pens and scanners; all background alphabets but the cohort's",
    preprocessing=Preprocessing("ink", size_px=48, margin_px=4),
    settings=TrainingSettings(
        steps=24000,
        learning_rate=4e-3,
        weight_decay=0.05,
        schedule="two_cycles",
        precision="bfloat16",
    ),
    training=("training", "selection"),
    selection=None,
    n_way=64,
    n_query=1,
    pens=True,
    # Chosen on the cohort's characters, which train nothing.
    views=WIDE,
    shrinkage=0.1,
)


def _signatures(n_classes: int, size_px: int) -> PrototypicalNetworks:
    backbone = Residual(size_px=size_px, stem=16, widths=(32, 64, 160), stride=(4, 2))
    return PrototypicalNetworks(backbone, CosineSoftmax(n_classes, backbone.embedding_dim))


_SIGNATURES = PictureRecipe(
    build=_signatures,
    description="the pack `signatures`: residual network, cosine softmax over hands, each name "
    "written by its owner and by three others in one drawer's characters each; all background "
    "alphabets but the cohort's",
    preprocessing=Preprocessing("ink", size_px=96, margin_px=2, fit="wide"),
    settings=TrainingSettings(
        steps=2400, learning_rate=4e-3, weight_decay=0.05, precision="bfloat16"
    ),
    training=("training", "selection"),
    selection=None,
    n_way=32,
    n_query=1,
    signing=Signing(hands=4, days=6),
    views=NARROW,
)


def _photos(n_classes: int, size_px: int) -> PrototypicalNetworks:
    backbone = Residual(channels=3, size_px=size_px)
    return PrototypicalNetworks(backbone, CosineSoftmax(n_classes, backbone.embedding_dim))


_PHOTOS = PictureRecipe(
    build=_photos,
    description="a folder of color photographs: residual network, cosine softmax over background "
    "classes, pictures moved, mirrored and in other light",
    preprocessing=Preprocessing(
        "photo", size_px=64, margin_px=0, channels=3, fit="crop", mean=(0.0,) * 3, std=(1.0,) * 3
    ),
    settings=TrainingSettings(
        steps=3000, learning_rate=2e-3, weight_decay=0.05, precision="bfloat16"
    ),
    training=("training", "selection"),
    selection=None,
    n_way=32,
    n_query=1,
)


RECIPES = {
    "characters": _CHARACTERS,
    "characters-selection": replace(
        _CHARACTERS,
        description="the same on fewer alphabets, validated on the selection alphabets: for "
        "choosing between settings",
        settings=replace(
            _CHARACTERS.settings, steps=1500, schedule="one_cycle", validate_every=500
        ),
        training=("training",),
        selection="selection",
    ),
    "signatures": _SIGNATURES,
    "photos": _PHOTOS,
}
