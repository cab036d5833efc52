"""What a model's file declares of its inputs, and what only its maker can state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from holotype.errors import PackError
from holotype.model.graph import Graph, Input
from holotype.preprocessing import OwnConstants

_CHANNELS = (1, 3)


@dataclass(slots=True)
class Notes:
    """What was read of a model, and what was assumed because nothing says it."""

    understood: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What is stated of a model; None: as the model declares, or the usual."""

    size_px: int | None = None  # side of the input, or its height
    width_px: int | None = None  # of an input that is not square; None: as declared, or the height
    channels: int | None = None  # 1 or 3
    fit: str | None = None  # of a photo; None: `crop`
    # Of a photo or face, one value or one for each channel; None: of ImageNet for RGB, 0 and 1 for
    # grey and for whole numbers, 0.5 for a face of 112 px.
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    share: float | None = None  # of its sides that `crop` keeps; None: all
    resample: str | None = None  # bilinear (None), bicubic, lanczos, box or nearest
    alignment: str | None = None  # of a face: arcface (None at 112 px), dlib (None) or box
    reading: OwnConstants | None = None  # how a model that has a tokenizer reads texts


@dataclass(frozen=True, slots=True)
class PictureInput:
    """The input of a model that takes pictures."""

    name: str
    number: str
    batch: int | str | None
    channels: int | str | None
    height: int | str | None
    width: int | str | None
    channels_last: bool

    def dims(self, batch: int | str, shape: tuple[int, ...]) -> tuple[int | str, ...]:
        """The dimensions in the model's own order, for pictures of (C, H, W)."""
        channels, height, width = shape
        if self.channels_last:
            return batch, height, width, channels
        return batch, channels, height, width


def picture_input(graph: Graph) -> PictureInput | None:
    """The input that takes pictures; None where there is none, or several.

    It has four dimensions. Where the second does not say that it is the channels, and the last
    does, channels come last.
    """
    found = [one for one in graph.inputs if len(one.dims) == 4]
    if len(found) != 1:
        return None
    ((name, dims, number),) = found
    last = dims[3] in _CHANNELS and dims[1] not in _CHANNELS
    batch, *rest = dims
    height, width, channels = rest if last else (rest[1], rest[2], rest[0])
    return PictureInput(name, number, batch, channels, height, width, last)


def picture_constants(
    graph: Graph, stated: Stated, notes: Notes
) -> tuple[PictureInput, dict[str, Any]]:
    """The input for pictures, and the fields of the preprocessing that tell its shape.

    Raises:
        PackError: the model takes no pictures, declares another size than is stated, or none where
            none is stated.
    """
    picture = picture_input(graph)
    if picture is None:
        shapes = ", ".join(f"{one.name!r} {list(one.dims)}" for one in graph.inputs) or "none"
        raise PackError(
            f"the model's inputs are {shapes}, not one [batch, channels, side, side]",
            "Export the model with pictures as its only input of four dimensions, or make it a "
            "pack of kind `tensors`",
        )
    height = _agreed("size", stated.size_px, picture.height)
    wide = stated.width_px is not None or isinstance(picture.width, int)
    width = _agreed("size", stated.width_px if wide else height, picture.width)
    channels = _agreed("channels", stated.channels, picture.channels)
    notes.understood.append(
        f"pictures: {picture.name} {picture.number or 'float32'} {channels} x {height} x {width}"
        + (", channels last" if picture.channels_last else "")
    )
    return picture, {
        "size_px": height,
        "margin_px": 0,
        "channels": channels,
        "width_px": None if width == height else width,
    }


def input_constants(graph: Graph) -> list[dict[str, Any]]:
    """All inputs of a model as its preprocessing states them (`records.TensorInput`)."""
    return [
        {
            "name": one.name,
            "number": one.number,
            "dims": [
                size if isinstance(size, int) and size > 0 and (axis or size == 1)
                else free_name(one, axis)
                for axis, size in enumerate(one.dims)
            ],
        }
        for one in graph.inputs
    ]  # fmt: skip


def free_name(one: Input, axis: int) -> str:
    """What a free dimension is called: as the model calls it, or by its place."""
    name = one.dims[axis]
    return "batch" if axis == 0 else name if isinstance(name, str) else f"{one.name}_{axis}"


def _agreed(name: str, stated: int | None, declared: int | str | None) -> int:
    fixed = declared if isinstance(declared, int) and declared > 0 else None
    if fixed is None and stated is None:
        raise PackError(f"the model leaves its {name} open", f"State it with --{name}")
    if None not in (fixed, stated) and fixed != stated:
        raise PackError(
            f"the model declares {name} {fixed}, and {stated} is stated",
            f"State the model's own {name}",
        )
    found = stated if fixed is None else fixed
    assert found is not None
    return found
