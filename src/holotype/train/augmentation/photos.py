"""Batches of color photographs, changed as another camera, place and hour would change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holotype.train.augmentation.warps import warp
from holotype.train.batches import EpisodeBatch

_ROTATION_DEGREES, _SCALE, _SHEAR, _SHIFT, _ELASTIC = 10.0, 0.2, 0.1, 0.1, 0.0
_BRIGHTNESS = 0.25  # added to all tones, uniform within plus and minus this
_CONTRAST, _TINT = 0.4, 0.15  # of the logarithm of a factor, for the picture and for each channel
_GREY = 0.5


class PhotoBatches:
    """Batch `step` of a training run, a pure function of (seed, step).

    Every batch is one episode with pairs: `n_way` times a class, with one support and one query
    picture of it, each changed and half of them mirrored. With fewer classes than that a class
    comes several times, which a background objective does not mind; a loss over the episode would.

    Args:
        pictures: uint8 [M, C, S, S].
        class_index: int64 [M], every class with two pictures or more.
        n_way: pairs in a batch.
        seed: of the run.
        change: what another camera makes of pictures, float32 [B, C, S, S] in [0, 1]; None:
            `changed`.
    """

    def __init__(
        self,
        pictures: NDArray[np.uint8],
        class_index: NDArray[np.int64],
        n_way: int,
        seed: int,
        change: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    ) -> None:
        self.pictures = torch.from_numpy(pictures)
        self.members: Sequence[Tensor] = [
            torch.from_numpy(np.flatnonzero(class_index == c))
            for c in range(int(class_index.max()) + 1)
        ]
        self.n_way = n_way
        self.seed = seed
        self.change = change or changed

    def __call__(self, step: int) -> EpisodeBatch:
        """The batch of this step: support [1, N, 1, C, S, S], query [1, N, C, S, S]."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        classes = len(self.members)
        rounds = -(-self.n_way // classes)
        class_id = torch.cat([torch.randperm(classes, generator=generator) for _ in range(rounds)])
        class_id = class_id[: self.n_way]
        pairs = torch.stack(
            [
                self.members[c][torch.randperm(len(self.members[c]), generator=generator)[:2]]
                for c in class_id.tolist()
            ]
        ).T.flatten()  # all support pictures, then all queries
        support, query = self.change(self.pictures[pairs].float() / 255, generator).chunk(2)
        return EpisodeBatch(
            support=support[None, :, None],
            query=query[None],
            query_class=torch.arange(self.n_way)[None],
            class_id=class_id[None],
        )


def changed(photos: Tensor, generator: torch.Generator) -> Tensor:
    """Each photograph from another place, in another light, half of them mirrored.

    Args:
        photos: float32 [B, C, H, W] in [0, 1].
        generator: the source of all randomness.

    Returns:
        float32 [B, C, H, W] in [0, 1]; what lies outside a picture is grey.
    """
    count, channels = photos.shape[:2]

    def uniform(limit: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * 2 - 1) * limit

    mirrored = torch.rand(count, generator=generator) < 0.5
    photos = torch.where(mirrored[:, None, None, None], photos.flip(3), photos)
    moved = warp(photos - _GREY, generator, _ROTATION_DEGREES, _SCALE, _SHEAR, _SHIFT, _ELASTIC)
    gain = torch.exp(uniform(_CONTRAST, 1, 1, 1) + uniform(_TINT, channels, 1, 1))
    return (moved * gain + _GREY + uniform(_BRIGHTNESS, 1, 1, 1)).clamp(0, 1)
