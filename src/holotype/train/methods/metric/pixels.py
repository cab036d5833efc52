"""The pixels themselves (a baseline of Vinyals et al. 2016, table 1)."""

from __future__ import annotations

from torch import nn

from holotype.train.feature_comparison import UnitVectorMethod


class Pixels(UnitVectorMethod):
    """Nothing is learned: pictures are alike whose pixels are, by cosine."""

    trainable = False

    def __init__(self) -> None:
        super().__init__(nn.Flatten())
