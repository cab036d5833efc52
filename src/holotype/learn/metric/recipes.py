"""How the metric methods are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from holotype.learn.backbones import Conv4, Residual
from holotype.learn.method import Method
from holotype.learn.metric.baseline_plus_plus import BaselinePlusPlus
from holotype.learn.metric.contrastive import ContrastiveTwins
from holotype.learn.metric.matching import FullContextMatchingNetworks, MatchingNetworks
from holotype.learn.metric.prototypical import PrototypicalNetworks
from holotype.learn.metric.relation import RelationNetworks
from holotype.learn.metric.siamese import SiameseNetworks
from holotype.learn.metric.simpleshot import SimpleShot
from holotype.learn.metric.triplet import TripletTwins
from holotype.learn.objectives import CosineSoftmax
from holotype.learn.pictures import PictureRecipe
from holotype.learn.settings import TrainingSettings
from holotype.learn.signatures import Signing
from holotype.learn.views import NARROW, WIDE
from holotype.records import Preprocessing

# Bare cosines in the softmax learn slowly; see `MatchingNetworks`. Chosen on the validation
# classes: a fifth of the steps at 30 did better than all of them at 10.
_ATTENTION_SCALE = 30.0


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


def _conv4(
    build: Callable[[Conv4, int], Method],
    description: str,
    *,
    steps: int,
    n_way: int,
    n_query: int,
) -> PictureRecipe:
    """Conv4-64 at 28 px on the Vinyals split, one cycle; `build` takes (backbone, classes)."""
    return PictureRecipe(
        build=lambda n_classes, size_px: build(Conv4(size_px=size_px), n_classes),
        description=f"{description}; Conv4-64 at 28 px, {n_way}-way 1-shot episodes with "
        f"{n_query} queries, Vinyals split",
        preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
        settings=TrainingSettings(
            steps=steps, learning_rate=4e-3, weight_decay=0.01, precision="bfloat16"
        ),
        training=("vinyals-train",),
        selection="vinyals-val",
        n_way=n_way,
        n_query=n_query,
    )


_PROTOTYPICAL = {
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
    "matching": {
        "conv4": _conv4(
            lambda backbone, n_classes: MatchingNetworks(backbone, _ATTENTION_SCALE),
            "cosine attention with f = g",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    },
    "matching-full-context": {
        "conv4": _conv4(
            lambda backbone, n_classes: FullContextMatchingNetworks(
                backbone, backbone.embedding_dim, _ATTENTION_SCALE
            ),
            "cosine attention over embeddings in the context of the support",
            steps=12000,
            n_way=20,
            n_query=5,
        )
    },
    "relation": {
        "conv4": _conv4(
            lambda backbone, n_classes: RelationNetworks(),  # it brings its own blocks
            "feature maps compared by a second network, squared error",
            steps=10000,
            n_way=20,
            n_query=5,
        )
    },
    "siamese": {
        "conv4": _conv4(
            lambda backbone, n_classes: SiameseNetworks(backbone, backbone.embedding_dim),
            "verification pairs, weighted L1 distance",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    },
    "contrastive": {
        "conv4": _conv4(
            lambda backbone, n_classes: ContrastiveTwins(backbone),
            "pairs, contrastive loss",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    },
    "triplet": {
        "conv4": _conv4(
            lambda backbone, n_classes: TripletTwins(backbone),
            "semi-hard triplets within the episode",
            steps=5000,
            n_way=60,
            n_query=5,
        )
    },
    "baseline++": {
        "conv4": _conv4(
            lambda backbone, n_classes: BaselinePlusPlus(
                backbone,
                CosineSoftmax(n_classes, backbone.embedding_dim, margin=0.0, label_smoothing=0.0),
            ),
            "cosine classifier of all background classes",
            steps=5000,
            n_way=180,
            n_query=1,
        )
    },
    "simpleshot": {
        "conv4": _conv4(
            lambda backbone, n_classes: SimpleShot(backbone, backbone.embedding_dim, n_classes),
            "linear classifier of all background classes",
            steps=5000,
            n_way=180,
            n_query=1,
        )
    },
}
