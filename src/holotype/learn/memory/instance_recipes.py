"""How memory-augmented networks are trained to learn from one instance after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from holotype.learn.backbones import Conv4
from holotype.learn.memory.instances import InstanceMethod
from holotype.learn.memory.labels import Labels
from holotype.learn.memory.mann import MANN, PlainLSTM
from holotype.learn.pictures import PictureRecipe
from holotype.learn.settings import TrainingSettings
from holotype.records import Preprocessing

_WIDTH = 32  # of the convolutional embedding
_LSTM = 224  # makes the control as large as the network that has the memory
_STRINGS = Labels(alphabet=5, letters=5)


def _mann(labels: Labels) -> Callable[[int, int], InstanceMethod]:
    return lambda n_classes, size_px: MANN(Conv4(width=_WIDTH, size_px=size_px), _WIDTH, labels)


def _pixels(n_classes: int, size_px: int) -> InstanceMethod:
    return MANN(nn.Flatten(), size_px**2)


def _lstm(n_classes: int, size_px: int) -> InstanceMethod:
    labels, backbone = Labels(), Conv4(width=_WIDTH, size_px=size_px)
    return InstanceMethod(backbone, _WIDTH, PlainLSTM(_WIDTH + labels.width, _LSTM), labels)


_CONV = PictureRecipe(
    build=_mann(Labels()),
    description="the paper's protocol, 5 classes and 50 pictures of 20 px in random order, with "
    "a convolutional embedding; Vinyals split (Santoro et al. 2016, section 4.1)",
    preprocessing=Preprocessing("frame", size_px=20, margin_px=0),
    settings=TrainingSettings(steps=4000, learning_rate=3e-3, validate_every=500),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=5,
    n_query=9,
    tasks=16,
    validation_n_way=5,
)

RECIPES: dict[str, dict[str, PictureRecipe]] = {
    "mann": {
        "conv": _CONV,
        "pixels": replace(
            _CONV, build=_pixels, description="the same on bare pixels, as in the paper"
        ),
        "strings": replace(
            _CONV,
            build=_mann(_STRINGS),
            description="15 classes and 105 pictures, labels of five letters from five "
            "(Santoro et al. 2016, section 4.1)",
            n_way=15,
            n_query=6,
            tasks=8,
        ),
        "conv-lstm": replace(
            _CONV, build=_lstm, description="the control: an LSTM of equal size without a memory"
        ),
    },
}
