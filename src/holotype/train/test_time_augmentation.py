"""Averaging the embeddings of slightly changed views of a picture, inside the exported graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class View:
    """A fixed affine change about the center of the picture, as of the sampling grid."""

    rotation_degrees: float = 0.0
    scale: float = 1.0  # above 1 the drawing shrinks
    shear: float = 0.0

    def theta(self) -> list[list[float]]:
        """The 2 x 3 matrix from output to input coordinates, as `affine_grid` takes it."""
        angle = math.radians(self.rotation_degrees)
        cos, sin = math.cos(angle) * self.scale, math.sin(angle) * self.scale
        return [[cos, self.shear - sin, 0.0], [sin, cos, 0.0]]


def _around(rotation_degrees: float, shrunk: float, grown: float, shear: float) -> tuple[View, ...]:
    return (
        View(rotation_degrees=rotation_degrees),
        View(rotation_degrees=-rotation_degrees),
        View(scale=shrunk),
        View(scale=grown),
        View(shear=shear),
        View(shear=-shear),
    )


NARROW = _around(rotation_degrees=6.0, shrunk=1.08, grown=0.93, shear=0.12)
WIDE = _around(rotation_degrees=14.0, shrunk=1.15, grown=0.87, shear=0.2)


class ViewAverage(nn.Module):
    """The renormalized mean of the unit embeddings of the picture itself and of its views.

    Args:
        embedder: float32 [B, C, size_px, size_px] -> unit vectors [B, D].
        size_px: side of the input.
        views: the changes; the unchanged picture is always taken too.
    """

    grids: Tensor  # [V, size_px, size_px, 2], constant

    def __init__(self, embedder: nn.Module, size_px: int, views: Sequence[View]) -> None:
        super().__init__()
        self.embedder = embedder
        theta = torch.tensor([view.theta() for view in views])
        grids = F.affine_grid(theta, [len(views), 1, size_px, size_px], align_corners=False)
        self.register_buffer("grids", grids)

    def forward(self, images: Tensor) -> Tensor:
        """float32 [B, C, size_px, size_px] -> unit vectors float32 [B, D]."""
        count, side = self.grids.shape[:2]
        # One grid serves a whole batch: the pictures are handed over as channels of one.
        stacked = images.reshape(1, -1, side, side).repeat(count, 1, 1, 1)
        changed = F.grid_sample(stacked, self.grids, align_corners=False)
        views = torch.cat([images, changed.reshape(-1, images.shape[1], side, side)])
        vectors = self.embedder(views)
        return F.normalize(vectors.reshape(count + 1, -1, vectors.shape[1]).sum(0), dim=1)
