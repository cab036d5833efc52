"""Background pictures of characters as other pens and other scanners would have made them.

A set of drawings shows one pen and one resolution; what comes later will not. So each drawing is
drawn again with thicker strokes and in rasters of a few pixels, by the very preprocessing that
serves, and each training batch picks among these variants, turns them (a turned character is
another class) and warps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from holotype.image import ink
from holotype.preprocessing import Preprocessing
from holotype.train.augmentation.warps import gamma, warp
from holotype.train.batches import EpisodeBatch

THICKER_PX = (0, 1, 2, 3)  # stroke dilation radii, in pixels of the original drawing
LOW_RESOLUTIONS = 3  # variants per drawing reduced to a raster of 8 to 19 pixels
LOW_SHARE = 1 / 3  # share of a batch that is of low resolution
QUARTER_TURNS = 4
_GREY_LEVELS = 16
_OVERSAMPLING = 6  # fine pixels per raster pixel and axis while a raster is computed
_PAPER_PX = 6  # room around a drawing for its strokes to grow

Uint8s = NDArray[np.uint8]


def thicken(drawings: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """Dilate ink by a disk: bool [B, H, W] -> bool [B, H, W]."""
    if radius_px == 0:
        return drawings
    y, x = np.mgrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    disk = torch.from_numpy((x * x + y * y <= radius_px * (radius_px + 0.5)).astype(np.float32))
    images = torch.from_numpy(drawings.astype(np.float32))[:, None]
    return np.asarray(F.conv2d(images, disk[None, None], padding=radius_px)[:, 0].numpy() > 0.5)


def rasterize(drawing: NDArray[np.bool_], side_px: int, margin: float) -> NDArray[np.float32]:
    """A coarse scan: the ink fitted to `side_px` pixels, each the share of ink in 17 grey levels.

    Args:
        drawing: bool [H, W], ink.
        side_px: side of the raster.
        margin: empty border, as a share of the side.

    Returns:
        float32 [side_px, side_px], ink 1.
    """
    fine_px = side_px * _OVERSAMPLING
    fine = ink.fit(drawing.astype(np.float32), fine_px, round(margin * fine_px)) > 0.5
    shares = fine.reshape(side_px, _OVERSAMPLING, side_px, _OVERSAMPLING).mean((1, 3))
    return np.asarray(np.round(shares * _GREY_LEVELS) / _GREY_LEVELS, dtype=np.float32)


def variants(
    drawings: NDArray[np.bool_],
    preprocessing: Preprocessing,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Uint8s:
    """Each drawing as seen through other pens and scanners.

    Args:
        drawings: bool [B, H, W], ink.
        preprocessing: of kind `ink`; what the model will be served with.
        seed: decides the stroke width and resolution of the coarse variants.
        progress: called with (drawings done, drawings in all).

    Returns:
        uint8 [B, 7, S, S], ink 255: four stroke widths, then three low resolutions.
    """
    size_px, margin_px = preprocessing.size_px, preprocessing.margin_px
    count = len(drawings)
    result = np.empty((count, len(THICKER_PX) + LOW_RESOLUTIONS, size_px, size_px), np.uint8)
    paper = ((0, 0), (_PAPER_PX, _PAPER_PX), (_PAPER_PX, _PAPER_PX))

    def fitted(picture: NDArray[np.float32]) -> Uint8s:
        return np.round(ink.fit(picture, size_px, margin_px) * 255).astype(np.uint8)

    for start in range(0, count, 256):
        chunk = np.pad(drawings[start : start + 256], paper)
        # One radius more than is shown at full resolution: coarse scans come from thick pens too.
        thick = [thicken(chunk, radius) for radius in (*THICKER_PX, THICKER_PX[-1] + 1)]
        for offset in range(len(chunk)):
            at = start + offset
            for i in range(len(THICKER_PX)):
                result[at, i] = fitted(thick[i][offset].astype(np.float32))
            rng = np.random.default_rng((seed, at))
            for i in range(LOW_RESOLUTIONS):
                coarse = rasterize(
                    thick[rng.integers(1, len(thick))][offset],
                    side_px=int(rng.integers(8, 20)),
                    margin=float(rng.uniform(0, 0.06)),
                )
                result[at, len(THICKER_PX) + i] = fitted(ink.strokes(1 - coarse))
        if progress:
            progress(start + len(chunk), count)
    return result


class CharacterBatches:
    """Batch `step` of a training run, a pure function of (seed, step).

    Every batch is one episode with pairs: `n_way` classes, one support and one query drawing of
    each. A character turned by a quarter is a class of its own (Santoro et al. 2016, section
    4.1); class ids are `4 * character + turns`.

    Args:
        pictures: uint8 [B, V, S, S], from `variants`.
        class_index: int64 [B], the character 0..C-1 of each; every character has two or more.
        n_way: classes in a batch.
        seed: of the run.
    """

    def __init__(
        self, pictures: Uint8s, class_index: NDArray[np.int64], n_way: int, seed: int
    ) -> None:
        self.pictures = torch.from_numpy(pictures)
        self.members: Sequence[Tensor] = [
            torch.from_numpy(np.flatnonzero(class_index == c))
            for c in range(int(class_index.max()) + 1)
        ]
        self.n_way = n_way
        self.seed = seed

    @property
    def n_classes(self) -> int:
        """Number of background classes, turned ones included."""
        return len(self.members) * QUARTER_TURNS

    def __call__(self, step: int) -> EpisodeBatch:
        """The batch of this step: support [1, N, 1, 1, S, S], query [1, N, 1, S, S]."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)

        def below(limit: int, *shape: int) -> Tensor:
            return torch.randint(limit, shape, generator=generator)

        class_id = torch.randperm(self.n_classes, generator=generator)[: self.n_way]
        characters, turns = class_id // QUARTER_TURNS, class_id % QUARTER_TURNS
        pairs = torch.stack(
            [
                self.members[c][torch.randperm(len(self.members[c]), generator=generator)[:2]]
                for c in characters.tolist()
            ]
        ).T.flatten()  # all support drawings, then all queries
        low = torch.rand(len(pairs), generator=generator) < LOW_SHARE
        pens = len(THICKER_PX)
        variant = torch.where(
            low, pens + below(LOW_RESOLUTIONS, len(pairs)), below(pens, len(pairs))
        )
        images = self.pictures[pairs, variant].float()[:, None] / 255
        images = _turned(images, turns.repeat(2))
        images = gamma(warp(images, generator), generator)
        support, query = images.chunk(2)
        return EpisodeBatch(
            support=support[None, :, None],
            query=query[None],
            query_class=torch.arange(self.n_way)[None],
            class_id=class_id[None],
        )


def _turned(images: Tensor, turns: Tensor) -> Tensor:
    result = images.clone()
    for quarter in range(1, QUARTER_TURNS):
        chosen = turns == quarter
        result[chosen] = torch.rot90(images[chosen], quarter, (2, 3))
    return result
