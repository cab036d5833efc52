"""The processor that a learner trains on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from holotype.errors import TrainingError
from holotype.train.settings import Precision

T = TypeVar("T")


def find_device(name: str | None) -> torch.device:
    """A processor by name.

    Args:
        name: `cpu`, `cuda`, or `cuda:N` for one of several; None: a GPU where there is one that
            PyTorch can use, else the processor.

    Raises:
        TrainingError: there is no such thing here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise TrainingError(
            f"device={name!r} is nothing that trains", "Choose from cpu, cuda, cuda:0, cuda:1, ..."
        )
    if device.type == "cuda" and not torch.cuda.is_available():
        built = torch.version.cuda
        raise TrainingError(
            f"device={name!r}, and PyTorch {torch.__version__} finds no GPU here"
            + ("" if built else ": it was built for the processor alone"),
            "Install a build of PyTorch for your GPU (pytorch.org), or train on the cpu",
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(
            f"device={name!r}, and there are {torch.cuda.device_count()} GPUs here, from cuda:0",
            "Choose one of them",
        )
    return device


def computing_on(device: torch.device) -> AbstractContextManager[Any]:
    """Within, what a learner makes anew is made where its weights are."""
    return nullcontext() if device.type == "cpu" else device


def uniform(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """In [0, 1), where tensors are made now, whatever device the generator is of: float32."""
    if generator is None:
        return torch.rand(shape)
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    return drawn.to(torch.get_default_device())


def forward_in(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Within, a network is computed in a precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")


def moved(batch: T, device: torch.device) -> T:
    """A batch, with its tensors on a device; where they already are, the batch itself.

    Args:
        batch: a tensor, a dataclass of such, or anything that holds no tensor.
        device: where to.
    """
    if device.type == "cpu":
        return batch
    if isinstance(batch, Tensor):
        return cast(T, batch.to(device, non_blocking=True))
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        parts = {
            field.name: moved(getattr(batch, field.name), device)
            for field in dataclasses.fields(batch)
            if field.init
        }
        return dataclasses.replace(batch, **parts)
    return batch
