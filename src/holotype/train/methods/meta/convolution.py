"""A convolution of many tasks at once that can be differentiated any number of times."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

# A convolution is linear in the pictures and linear in the weights. So are its two derivatives,
# and the derivatives of the three are one another: three functions close under differentiation.
# Torch's own second derivative goes through the groups one after the other.


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """3x3 convolution with zero padding of 1, of each task with its own weights.

    Args:
        x: [B, T*C, H, W], the channels of task 0 first.
        weight: [T, O, C, 3, 3].

    Returns:
        [B, T*O, H, W].
    """
    return cast(Tensor, _Forward.apply(x, weight.flatten(0, 1), weight.shape[0]))  # type: ignore[no-untyped-call]


class _Forward(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, groups: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.groups = groups
        return torch.conv2d(x, weight, padding=1, groups=groups)

    @staticmethod
    def backward(ctx: Any, y: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        to_x, to_weight, _ = ctx.needs_input_grad
        return (
            _ToInput.apply(y, weight, ctx.groups) if to_x else None,  # type: ignore[no-untyped-call]
            _ToWeight.apply(y, x, ctx.groups) if to_weight else None,  # type: ignore[no-untyped-call]
            None,
        )


class _ToInput(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, weight: Tensor, groups: int) -> Tensor:
        ctx.save_for_backward(y, weight)
        ctx.groups = groups
        like = y.new_empty(()).expand(y.shape[0], weight.shape[1] * groups, *y.shape[2:])
        return _derivatives(y, like, weight, groups, (True, False))[0]

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> Any:
        y, weight = ctx.saved_tensors
        to_y, to_weight, _ = ctx.needs_input_grad
        return (
            _Forward.apply(x, weight, ctx.groups) if to_y else None,  # type: ignore[no-untyped-call]
            _ToWeight.apply(y, x, ctx.groups) if to_weight else None,  # type: ignore[no-untyped-call]
            None,
        )


class _ToWeight(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, groups: int) -> Tensor:
        ctx.save_for_backward(y, x)
        ctx.groups = groups
        like = y.new_empty(()).expand(y.shape[1], x.shape[1] // groups, 3, 3)
        return _derivatives(y, x, like, groups, (False, True))[1]

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> Any:
        y, x = ctx.saved_tensors
        to_y, to_x, _ = ctx.needs_input_grad
        return (
            _Forward.apply(x, weight, ctx.groups) if to_y else None,  # type: ignore[no-untyped-call]
            _ToInput.apply(y, weight, ctx.groups) if to_x else None,  # type: ignore[no-untyped-call]
            None,
        )


def _derivatives(
    y: Tensor, x: Tensor, weight: Tensor, groups: int, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    to_x, to_weight, _ = torch.ops.aten.convolution_backward(
        y, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], groups, [*wanted, False]
    )
    return to_x, to_weight
