"""Latent codes -> pictures, and how likely a picture is."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Decoder(nn.Module):
    """A code [B, D] -> logits of a picture [B, 1, size_px, size_px].

    A linear layer to a quarter of the side, then two transposed convolutions that double it
    (Radford et al. 2016, section 3), and a 3x3 convolution.

    Args:
        code_dim: D.
        size_px: side of the picture, a multiple of 4.
        width: channels of the first map; each doubling of the side halves them.
    """

    def __init__(self, code_dim: int, size_px: int = 28, width: int = 64) -> None:
        super().__init__()
        side = size_px // 4
        self.layers = nn.Sequential(
            nn.Linear(code_dim, width * side * side),
            nn.Unflatten(1, (width, side, side)),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(),
            nn.ConvTranspose2d(width // 2, width // 4, 4, stride=2, padding=1),
            nn.BatchNorm2d(width // 4),
            nn.ReLU(),
            nn.Conv2d(width // 4, 1, 3, padding=1),
        )

    def forward(self, codes: Tensor) -> Tensor:
        """float32 [B, D] -> float32 [B, 1, size_px, size_px]."""
        return cast(Tensor, self.layers(codes))

    def pictures(self, codes: Tensor) -> Tensor:
        """The mean of p(x | z): float32 [..., D] -> [..., 1, size_px, size_px] in [0, 1]."""
        logits = self(codes.flatten(0, -2)).float()
        return torch.sigmoid(logits).reshape(*codes.shape[:-1], *logits.shape[1:])


def log_likelihood(logits: Tensor, pictures: Tensor) -> Tensor:
    """Bernoulli log-likelihood of each picture in nats: [..., C, H, W] twice -> [...].

    Grey is read as the share of ink (Kingma & Welling 2014, appendix C.1).
    """
    per_pixel = F.binary_cross_entropy_with_logits(logits.float(), pictures, reduction="none")
    return -per_pixel.flatten(-3).sum(-1)
