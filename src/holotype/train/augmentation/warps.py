"""Random changes to training pictures that leave the class as it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def warp(
    images: Tensor,
    generator: torch.Generator,
    rotation_degrees: float = 12.0,
    scale: float = 0.15,
    shear: float = 0.2,
    shift: float = 0.08,
    elastic: float = 0.06,
) -> Tensor:
    """A random affine and a smooth elastic warp for each picture.

    Args:
        images: float32 [B, C, H, W].
        generator: the source of all randomness.
        rotation_degrees: rotations are uniform within plus and minus this.
        scale: each axis is scaled by a factor within 1 plus and minus this.
        shear: shear factor, uniform within plus and minus this.
        shift: translation as a share of the picture's side.
        elastic: standard deviation of the elastic displacement, as a share of half the side.

    Returns:
        float32 [B, C, H, W]; what lies outside the picture reads as 0.
    """
    count = images.shape[0]

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(rotation_degrees))
    sx, sy = 1 + uniform(scale), 1 + uniform(scale)
    k = uniform(shear)
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.stack(
        [
            torch.stack([cos * sx, (k * cos - sin) * sy, uniform(2 * shift)], 1),
            torch.stack([sin * sx, (k * sin + cos) * sy, uniform(2 * shift)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    coarse = torch.randn(count, 2, 5, 5, generator=generator) * elastic
    bend = F.interpolate(coarse, images.shape[-2:], mode="bicubic", align_corners=True)
    return F.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)


def gamma(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture to a random power, log-uniform within exp(+-0.5): lighter or fuller ink."""
    power = torch.exp(torch.rand(images.shape[0], generator=generator) - 0.5)
    return images.clamp(0, 1) ** power[:, None, None, None]
