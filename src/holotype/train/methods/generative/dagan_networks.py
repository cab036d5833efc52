"""The two players of DAGAN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_REACH = 0.35  # of the field, in halves of the side
_CONTRAST = 8.0  # logits from paper to ink in the reference that is drawn over


class Generator(nn.Module):
    """A picture and noise -> another picture that could be of its class.

    As in the paper an encoder, noise at its narrowest point, and a decoder that is also shown the
    encoder's maps (section 3.3). Strokes of another drawing lie elsewhere, so what the decoder is
    shown is moved: by a smooth field, seven by seven vectors at 28 px, that the noise and the
    narrowest map decide (as the skip connections of Siarohin et al. 2018 are deformed). What comes
    out is drawn over the moved reference. Before it has learned, the generator bends its
    reference at random.

    A reference of several times the side is seen shrunk, but moved and drawn over as it is: so the
    strokes come out as fine as they went in.

    Args:
        width: channels of the first map, doubled at each halving of the side.
        size_px: side of the pictures, a multiple of 4.
        noise_dim: of the noise.
    """

    def __init__(self, width: int = 16, size_px: int = 28, noise_dim: int = 32) -> None:
        super().__init__()
        self.size_px = size_px
        self.noise_dim = noise_dim
        side = size_px // 4
        self.down = nn.ModuleList(
            [
                _conv(1, width),
                _conv(width, 2 * width, stride=2),
                _conv(2 * width, 4 * width, stride=2),
            ]
        )
        self.spread = nn.Sequential(
            nn.Linear(noise_dim, width * side * side), nn.Unflatten(1, (width, side, side))
        )
        self.middle = nn.Sequential(_conv(5 * width, 4 * width), _conv(4 * width, 4 * width))
        self.field = nn.Conv2d(4 * width, 2, 3, padding=1)
        self.up = nn.ModuleList([_conv(6 * width, 2 * width), _conv(3 * width, width)])
        self.draw = nn.Conv2d(width, 1, 3, padding=1)
        nn.init.zeros_(cast(Tensor, self.draw.bias))
        nn.init.zeros_(self.draw.weight)  # it begins with the moved reference itself

    def forward(self, references: Tensor, noise: Tensor) -> Tensor:
        """Pictures float32 [B, 1, S, S] in [0, 1] and noise [B, noise_dim] -> as many, likewise.

        S is size_px or a multiple of it.
        """
        return self.decode(self.encode(references), noise)

    def encode(self, references: Tensor) -> list[Tensor]:
        """The pictures and what is seen in them, the side halved twice: four maps."""
        x, maps = F.avg_pool2d(references, references.shape[-1] // self.size_px), [references]
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        return maps

    def decode(self, maps: Sequence[Tensor], noise: Tensor) -> Tensor:
        """What `encode` gives, and noise [B, noise_dim] -> pictures [B, 1, S, S] in [0, 1]."""
        reference, fine, coarse, narrow = maps
        code = self.middle(torch.cat([narrow, self.spread(noise)], dim=1))
        field = _REACH * torch.tanh(self.field(code).float())
        x = code
        for layer, shown in zip(self.up, (coarse, fine), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = layer(torch.cat([x, _moved(shown, field)], dim=1))
        over = _CONTRAST * (_moved(reference, field) - 0.5)
        drawn = self.draw(x).float()
        if over.shape != drawn.shape:
            drawn = F.interpolate(drawn, over.shape[-2:], mode="bilinear", align_corners=False)
        return torch.sigmoid(over + drawn)


class Critic(nn.Module):
    """A reference and another picture -> one number, higher where they are real and of one class.

    Without batch norm, which would make the gradient of one pair depend on the others (Gulrajani
    et al. 2017, section 4).

    Args:
        width: half the channels of the first map; the second and third have twice and four times
            as many.
        size_px: side of the pictures, a multiple of 4.
    """

    def __init__(self, width: int = 16, size_px: int = 28) -> None:
        super().__init__()
        side = -(-size_px // 8)
        self.layers = nn.Sequential(
            _seeing(2, 2 * width),
            _seeing(2 * width, 4 * width),
            _seeing(4 * width, 8 * width),
            nn.Flatten(),
            nn.Linear(8 * width * side * side, 1),
        )

    def forward(self, references: Tensor, others: Tensor) -> Tensor:
        """float32 [B, 1, S, S] twice, in [0, 1] -> [B]."""
        return cast(Tensor, self.layers(torch.cat([references, others], dim=1))[:, 0])


def _moved(maps: Tensor, field: Tensor) -> Tensor:
    """Maps [B, C, S, S] as seen through a field [B, 2, s, s] of displacements."""
    count, _, *side = maps.shape
    still = torch.eye(2, 3).expand(count, 2, 3)
    grid = F.affine_grid(still, [count, 1, *side], align_corners=False)
    bend = F.interpolate(field, side, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return F.grid_sample(maps.float(), grid + bend, align_corners=False)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _seeing(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.LeakyReLU(0.2))
