"""How the memories that answer episodes are trained."""

from __future__ import annotations

from dataclasses import replace

from holotype.learn.backbones import Conv4
from holotype.learn.memory.intent_recipes import INTENTS
from holotype.learn.memory.key_value import KeyValueMemoryNetwork
from holotype.learn.memory.lifelong import LifelongMemoryNetwork
from holotype.learn.memory.memory_network import MemoryNetwork
from holotype.learn.pictures import PictureRecipe
from holotype.learn.recipe import Recipe
from holotype.learn.settings import TrainingSettings
from holotype.records import Preprocessing


def _lifelong(n_classes: int, size_px: int) -> LifelongMemoryNetwork:
    return LifelongMemoryNetwork(Conv4(size_px=size_px))


def _memory_network(n_classes: int, size_px: int) -> MemoryNetwork:
    backbone = Conv4(size_px=size_px)
    return MemoryNetwork(backbone, backbone.embedding_dim)


def _key_value(n_classes: int, size_px: int) -> KeyValueMemoryNetwork:
    backbone = Conv4(size_px=size_px)
    return KeyValueMemoryNetwork(backbone, backbone.embedding_dim)


_LIFELONG = PictureRecipe(
    build=_lifelong,
    description="Conv4-64 at 28 px, memories of 60 classes with one example each, Vinyals split",
    preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
    settings=TrainingSettings(steps=4000, learning_rate=3e-3, precision="bfloat16"),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=60,
    n_query=5,
)
_ATTENTION = replace(
    _LIFELONG,
    description="Conv4-64 at 28 px, 60-way 1-shot episodes with 5 queries, Vinyals split",
)

EPISODE_RECIPES: dict[str, dict[str, Recipe]] = {
    "lifelong-memory": {
        "conv4": _LIFELONG,
        "characters": replace(
            _LIFELONG,
            description="the same on Omniglot's background alphabets, so that the evaluation "
            "characters are new to it: for a stream of them",
            training=("training",),
            selection="selection",
        ),
    },
    "memory-network": {"conv4": replace(_ATTENTION, build=_memory_network), "intents": INTENTS},
    "key-value-memory": {"conv4": replace(_ATTENTION, build=_key_value)},
}
