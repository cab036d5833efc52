"""What a block keeps of a map: the largest of every four values, the mean and the variance."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_POOLING = ([2, 2], [2, 2], [0, 0], [1, 1], False)  # size, stride, padding, dilation, ceil mode


def summarize(y: Tensor, reference: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Maxima over 2x2, and mean and variance of each channel; twice differentiable.

    Torch differentiates the three apart, in a dozen passes over the map, and maps are what the
    time goes to; here their gradients are written into one map.

    Args:
        y: [B, M, H, W], channels-last; float32, float64 or bfloat16.
        reference: mean and variance are those of the first so many of the batch; None: of all.

    Returns:
        [B, M, H//2, W//2], [M], [M] in float32, or float64 where `y` is. The variance is that of
        the population.
    """
    count = len(y) if reference is None else reference
    return cast(tuple[Tensor, Tensor, Tensor], _Summary.apply(y, count))  # type: ignore[no-untyped-call]


class _Summary(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, reference: int) -> tuple[Tensor, Tensor, Tensor]:
        exact = torch.float64 if y.dtype == torch.float64 else torch.float32
        largest, place = torch.ops.aten.max_pool2d_with_indices(y, *_POOLING)
        known = y[:reference]
        ctx.count = known.numel() // known.shape[1]
        mean = known.sum((0, 2, 3), dtype=exact) / ctx.count
        square = known.to(exact).square().sum((0, 2, 3)) / ctx.count
        variance = (square - mean.square()).clamp_min(0)
        ctx.reference = reference
        ctx.save_for_backward(y, place, mean)
        return largest.to(exact), mean, variance

    @staticmethod
    def backward(ctx: Any, largest: Tensor, mean: Tensor, variance: Tensor) -> Any:
        y, place, mean_of_y = ctx.saved_tensors
        # The variance is a parabola in y: its slope is 2 (y - mean) / count.
        slope = variance * (2 / ctx.count)
        offset = mean / ctx.count - slope * mean_of_y
        return _ToMap.apply(largest, slope, offset, y, place, ctx.reference), None  # type: ignore[no-untyped-call]


class _ToMap(Function):
    """Each gradient of a maximum to its place, and slope * y + offset on the reference."""

    @staticmethod
    def forward(
        ctx: Any,
        largest: Tensor,
        slope: Tensor,
        offset: Tensor,
        y: Tensor,
        place: Tensor,
        reference: int,
    ) -> Tensor:
        ctx.save_for_backward(slope, y, place)
        ctx.reference = reference
        result: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            largest.to(y.dtype), y, *_POOLING, place
        )
        known = result[:reference]
        known.add_(offset.to(y.dtype)[:, None, None])
        known.addcmul_(y[:reference], slope.to(y.dtype)[:, None, None])
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_map: Tensor) -> Any:
        slope, y, place = ctx.saved_tensors
        known, rest = to_map[: ctx.reference], len(y) - ctx.reference
        largest = to_map.flatten(2).gather(2, place.flatten(2)).reshape(place.shape)
        to_y = known * slope.to(y.dtype)[:, None, None]
        if rest:
            to_y = torch.cat([to_y, to_y.new_zeros(rest, *to_y.shape[1:])])
        return (
            largest.to(slope.dtype),
            (known * y[: ctx.reference]).sum((0, 2, 3), dtype=slope.dtype),
            known.sum((0, 2, 3), dtype=slope.dtype),
            to_y,
            None,
            None,
        )
