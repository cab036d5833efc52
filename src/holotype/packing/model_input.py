"""What a model's file says about the pictures that it wants, and what only its maker can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from holotype.errors import PackError
from holotype.model.graph import Graph, Input
from holotype.pack import TOKENIZER
from holotype.pack.preprocessing import preprocessing_from_json
from holotype.records import Preprocessing, Reading

# What most published networks of color pictures were trained with: the statistics of ImageNet.
_USUAL_MEAN, _USUAL_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Networks of faces after ArcFace (Deng et al. 2019) take (x - 127.5) / 127.5 or near it.
_ARCFACE_PX, _ARCFACE_MEAN, _ARCFACE_STD = 112, (0.5,) * 3, (0.5,) * 3
_CHANNELS = (1, 3)


@dataclass(slots=True)
class Notes:
    """What was read of a model, and what was assumed because nothing says it."""

    understood: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


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


def preprocessing_for(
    graph: Graph,
    *,
    kind: str | None = None,
    size_px: int | None = None,
    width_px: int | None = None,
    channels: int | None = None,
    fit: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    share: float | None = None,
    resample: str | None = None,
    alignment: str | None = None,
    reading: Reading | None = None,
    notes: Notes | None = None,
) -> Preprocessing:
    """The preprocessing as stated; what is not stated is read from the model, or the usual.

    Args:
        graph: of the model.
        kind: `photo`, `ink`, `frame`, `face`, `text` or `tensors`; None: `photo` where the model
            takes pictures, `text` where it has a tokenizer, else `tensors`.
        size_px: side of the input, or its height. None: as the model declares.
        width_px: of an input that is not square. None: as the model declares, or as the height.
        channels: 1 or 3. None: as the model declares.
        fit: of a photo; None: `crop`.
        mean: of a photo or face, one value or one for each channel; None: of ImageNet for RGB, 0
            for grey and for whole numbers, 0.5 for a face of 112 px.
        std: likewise; None: of ImageNet for RGB, 1 for grey and whole numbers, 0.5 for such a face.
        share: of its sides that `crop` keeps; None: all.
        resample: `bilinear`, `bicubic`, `lanczos`, `box` or `nearest`; None: `bilinear`.
        alignment: of a face: `arcface`, `dlib` or `box`; None: `arcface` at 112 px, else `dlib`.
        reading: how a model that has a tokenizer reads texts.
        notes: where it is written down what was read and what assumed.

    Raises:
        PackError: the model takes no pictures where its kind does, declares another size than is
            stated, declares none where none is stated, or a value is out of range.
    """
    notes = Notes() if notes is None else notes
    picture = picture_input(graph)
    if kind == "text" and reading is None:
        raise PackError(
            "a model that reads texts needs its tokenizer",
            f"Put {TOKENIZER} beside the model's file, or name the repository that holds both",
        )
    if kind in ("text", "tensors") or (kind is None and picture is None):
        return _tensors(graph, None if kind == "tensors" else reading)
    if picture is None:
        shapes = ", ".join(f"{one.name!r} {list(one.dims)}" for one in graph.inputs) or "none"
        raise PackError(
            f"the model's inputs are {shapes}, not one [batch, channels, side, side]",
            "Export the model with pictures as its only input of four dimensions, or make it a "
            "pack of kind `tensors`",
        )
    height = _agreed("size", size_px, picture.height)
    stated = width_px if width_px is not None or isinstance(picture.width, int) else height
    width = _agreed("size", stated, picture.width)
    channels = _agreed("channels", channels, picture.channels)
    notes.understood.append(
        f"pictures: {picture.name} {picture.number or 'float32'} {channels} x {height} x {width}"
        + (", channels last" if picture.channels_last else "")
    )
    constants: dict[str, Any] = {
        "kind": kind or "photo",
        "size_px": height,
        "margin_px": 0,
        "channels": channels,
        "width_px": None if width == height else width,
    }
    if kind in ("ink", "frame"):
        if fit or mean or std or share or resample:
            raise PackError(
                f"fit, mean, std, share and resample belong to photographs, not to kind {kind}",
                "Leave them out",
            )
    else:
        constants |= {
            "fit": fit or ("stretch" if kind == "face" else "crop"),
            "share": share if share is None or share < 1 else None,
            "resample": None if resample == "bilinear" else resample,
            **_tones(kind, picture, channels, height, mean, std, notes),
        }
        if kind == "face":
            constants["alignment"] = _alignment(alignment, height, notes)
            notes.understood.append("faces are found by holotype, not by what found its training's")
        elif fit is None:
            notes.assumed.append("the middle of a picture is what counts (--fit crop)")
    try:
        return preprocessing_from_json(constants)
    except ValueError as error:
        raise PackError(f"no such preprocessing: {error}", "Mend that option") from error


def free_name(one: Input, axis: int) -> str:
    """What a free dimension is called: as the model calls it, or by its place."""
    name = one.dims[axis]
    return "batch" if axis == 0 else name if isinstance(name, str) else f"{one.name}_{axis}"


def _tensors(graph: Graph, reading: Reading | None) -> Preprocessing:
    inputs = [
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
    try:
        if reading is None:
            return preprocessing_from_json({"kind": "tensors", "inputs": inputs})
        fixed = [last for one in inputs if isinstance(last := one["dims"][-1], int)]
        reading = replace(reading, pieces=min([reading.pieces, *fixed]))
        return preprocessing_from_json(
            {"kind": "text", "inputs": inputs, "reading": asdict(reading)}
        )
    except ValueError as error:
        raise PackError(
            f"the model's inputs make no pack: {error}",
            "Export it with tensors of usual numbers as inputs, the batch first",
        ) from error


def _tones(
    kind: str | None,
    picture: PictureInput,
    channels: int,
    height: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    notes: Notes,
) -> dict[str, list[float]]:
    usual: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,), (1.0,))
    if picture.number.startswith(("u", "i")):
        if mean or std:
            raise PackError(
                f"the model takes {picture.number}, whole numbers from 0 to 255; mean and std "
                "would be lost in rounding",
                "Leave them out",
            )
        notes.understood.append("whole numbers from 0 to 255: the model scales them itself")
    elif kind == "face" and height == _ARCFACE_PX:
        usual = (_ARCFACE_MEAN, _ARCFACE_STD)
    elif channels == 3:
        usual = (_USUAL_MEAN, _USUAL_STD)
    if not (mean and std) and not picture.number.startswith(("u", "i")):
        told = f"mean {_listed(mean or usual[0])}, standard deviation {_listed(std or usual[1])}"
        notes.assumed.append(f"{told}, of values from 0 to 1 (--mean, --std)")
    return {
        "mean": _of_each(mean or usual[0], channels),
        "std": _of_each(std or usual[1], channels),
    }


def _alignment(stated: str | None, height: int, notes: Notes) -> str | None:
    if stated is None:
        stated = "arcface" if height == _ARCFACE_PX else "dlib"
        notes.assumed.append(f"faces are cut out as for {stated} (--align)")
    return None if stated == "dlib" else stated


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


def _of_each(values: Sequence[float], channels: int) -> list[float]:
    return list(values) * channels if len(values) == 1 else list(values)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
