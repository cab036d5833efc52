"""How the generative methods are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from holotype.learn.backbones import Conv4
from holotype.learn.generative.dagan import DAGAN
from holotype.learn.generative.homoencoder import Homoencoder
from holotype.learn.generative.vae import VariationalAutoencoder
from holotype.learn.method import Method
from holotype.learn.pictures import PictureRecipe
from holotype.learn.settings import TrainingSettings
from holotype.records import Preprocessing


def _homoencoder(discriminative: float) -> Callable[[int, int], Method]:
    return lambda n_classes, size_px: Homoencoder(
        Conv4(size_px=size_px), size_px, discriminative=discriminative
    )


_HOMOENCODER = PictureRecipe(
    build=_homoencoder(10.0),
    description="Conv4-64 at 28 px, 60-way 1-shot episodes with 3 queries, Vinyals split; learns "
    "to generate and to tell the classes apart by the likelihood",
    preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
    settings=TrainingSettings(
        steps=5000, learning_rate=3e-3, weight_decay=1e-3, precision="bfloat16"
    ),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=60,
    n_query=3,
)

RECIPES: dict[str, dict[str, PictureRecipe]] = {
    "homoencoder": {
        "conv4": _HOMOENCODER,
        "background": replace(
            _HOMOENCODER,
            description="the same on the background alphabets but the cohort's, for Lake's runs",
            training=("training", "selection"),
            selection=None,
        ),
        "generation": replace(
            _HOMOENCODER,
            build=_homoencoder(0.0),
            description="the bound alone, as in the paper: learns to generate, Vinyals split",
        ),
    },
    "vae": {
        "conv4": replace(
            _HOMOENCODER,
            build=lambda n_classes, size_px: VariationalAutoencoder(
                Conv4(size_px=size_px), size_px
            ),
            description="Conv4-64 at 28 px, without classes, Vinyals split",
        )
    },
    "dagan": {
        "background": PictureRecipe(
            build=lambda n_classes, size_px: DAGAN(size_px=size_px),
            description="at 28 px, pairs of 32 classes, five updates of the critic for one of the "
            "generator; all background alphabets but the cohort's",
            preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
            settings=TrainingSettings(steps=4000, learning_rate=4e-4, schedule="one_cycle"),
            training=("training", "selection"),
            selection=None,
            n_way=32,
            n_query=5,
        )
    },
}
