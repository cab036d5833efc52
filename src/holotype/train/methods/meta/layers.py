"""Layers that hold the weights of many tasks at once.

A parameter of shape [...] is swapped for one of shape [T, ...] (`torch.func.functional_call`), and
the layer then applies to each of T tasks its own. In pictures the tasks lie side by side in the
channels, so that one grouped convolution serves them all and a norm over batch and space is a
norm within each task.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.errors import TrainingError
from holotype.train.methods.meta.convolution import convolve
from holotype.train.methods.meta.summary import summarize

EPSILON = 1e-5  # as in nn.BatchNorm2d

# Of each norm, one after the other: mean and variance [T*O] of what its convolution gives.
Statistics = list[tuple[Tensor, Tensor]]


class TaskLayer(nn.Module):
    """A layer that follows the task axis of its parameters."""


class Linear(TaskLayer):
    """x W' + b, initialized as `nn.Linear`.

    Args:
        inputs: width of the input.
        outputs: width of the output.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """[T, B, inputs] -> [T, B, outputs]; the parameters with or without a task axis."""
        return affine(x, self.weight, self.bias)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x W' + b for each task: x [T, B, I], weight [T, O, I], bias [T, O] -> [T, B, O]."""
    if weight.ndim == 2:
        return F.linear(x, weight, bias)
    return torch.baddbmm(bias[:, None], x, weight.mT)


class ConvBlock(TaskLayer):
    """3x3 convolution, batch norm within the task, ReLU, 2x2 max pooling.

    The norm has no running statistics: it takes those of the pictures at hand. The same function
    as the usual order of the four, computed in another: ReLU and a norm keep the order of values
    (a negative scale reverses it, and so is moved into the convolution), hence the largest of four
    may be taken first, and only a quarter is normalized.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(9 * inputs)  # as in nn.Conv2d
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3).uniform_(-bound, bound))
        self.scale = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))

    def forward(
        self, x: Tensor, reference: int | None = None, found: Statistics | None = None
    ) -> Tensor:
        """[B, T*C, H, W] -> [B, T*O, H//2, W//2]; the parameters with a task axis.

        Args:
            x: the pictures; those of one task lie in neighboring channels.
            reference: the statistics of the norm are those of the first so many; None: of all.
            found: a list to append these statistics to.
        """
        sign = torch.where(self.scale < 0, -1.0, 1.0).to(self.scale.dtype)
        weight = self.weight * sign[..., None, None, None]
        if torch.is_autocast_enabled(x.device.type):
            low = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(low), weight.to(low)
        largest, mean, variance = summarize(convolve(x, weight), reference)
        if found is not None:
            found.append((mean * sign.flatten(), variance))
        scale = (self.scale * sign).flatten() * torch.rsqrt(variance + EPSILON)
        shift = self.shift.flatten() - mean * scale
        return F.relu(torch.addcmul(shift[:, None, None], largest, scale[:, None, None]))


def check_layers(network: nn.Module) -> None:
    """Refuse a network with layers that do not follow the task axis.

    Raises:
        TrainingError: a layer has parameters or state of its own kind.
    """
    for name, layer in network.named_modules():
        own = any(True for _ in layer.parameters(recurse=False))
        state = any(True for _ in layer.buffers(recurse=False))
        norm = isinstance(layer, nn.modules.batchnorm._NormBase)
        if (own or state or norm) and not isinstance(layer, TaskLayer):
            why = (
                "mixes tasks in its statistics, and under torch.func.vmap its second derivative "
                "is silently wrong"
                if norm
                else "does not follow the task axis of its parameters"
            )
            raise TrainingError(
                f"the layer {name!r} ({type(layer).__name__}) {why}",
                "Build the network of the layers in holotype.train.methods.meta.layers",
            )


def tasks_in_channels(pictures: Tensor) -> Tensor:
    """[T, B, C, H, W] -> [B, T*C, H, W] in channels-last memory."""
    side_by_side = pictures.transpose(0, 1).flatten(1, 2)
    return side_by_side.contiguous(memory_format=torch.channels_last)
