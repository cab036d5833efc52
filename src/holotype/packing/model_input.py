"""What a model's file says about the pictures that it wants, and what only its maker can say."""

from __future__ import annotations

from collections.abc import Sequence

from holotype.errors import PackError
from holotype.model.graph import Graph
from holotype.pack.preprocessing import preprocessing_from_json
from holotype.records import Preprocessing

# What most published networks of color pictures were trained with: the statistics of ImageNet.
_USUAL_MEAN, _USUAL_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocessing_for(
    graph: Graph,
    *,
    kind: str = "photo",
    size_px: int | None = None,
    channels: int | None = None,
    fit: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Preprocessing:
    """The preprocessing as stated; what is not stated is read from the model, or the usual.

    Args:
        graph: of the model.
        kind: `photo`, `ink` or `frame`.
        size_px: side of the input. None: as the model declares.
        channels: 1 or 3. None: as the model declares.
        fit: of a photo; None: `crop`.
        mean: of a photo, one value or one for each channel; None: of ImageNet for RGB, 0 for grey.
        std: likewise; None: of ImageNet for RGB, 1 for grey.

    Raises:
        PackError: the model takes no square pictures [batch, C, S, S], declares another size than
            is stated, declares none where none is stated, or a value is out of range.
    """
    if len(graph.inputs) != 1 or len(graph.inputs[0][1]) != 4:
        shapes = ", ".join(f"{name!r} {list(dims)}" for name, dims in graph.inputs) or "none"
        raise PackError(
            f"the model's inputs are {shapes}, not one [batch, channels, side, side]",
            "Export the model with pictures as its only input, channels first",
        )
    _, declared_channels, height, width = graph.inputs[0][1]
    size_px = _agreed("size", size_px, height, width)
    channels = _agreed("channels", channels, declared_channels)
    constants = {"kind": kind, "size_px": size_px, "margin_px": 0, "channels": channels}
    if kind == "photo":
        usual = (_USUAL_MEAN, _USUAL_STD) if channels == 3 else ((0.0,), (1.0,))
        constants |= {
            "fit": fit or "crop",
            "mean": _of_each(mean or usual[0], channels),
            "std": _of_each(std or usual[1], channels),
        }
    elif fit or mean or std:
        raise PackError(
            f"fit, mean and std belong to kind photo, not to kind {kind}", "Leave them out"
        )
    try:
        return preprocessing_from_json(constants)
    except ValueError as error:
        raise PackError(f"no such preprocessing: {error}", "Mend that option") from error


def _agreed(name: str, stated: int | None, *declared: int | str | None) -> int:
    fixed = {value for value in declared if isinstance(value, int)}
    if stated is not None:
        fixed.add(stated)
    if not fixed:
        raise PackError(f"the model leaves its {name} open", f"State it with --{name}")
    if len(fixed) > 1:
        said = "" if stated is None else f", and {stated} is stated"
        raise PackError(
            f"the model declares {name} {'/'.join(map(str, declared))}{said}",
            f"State the model's own {name}" if stated else "Export it for square pictures",
        )
    return fixed.pop()


def _of_each(values: Sequence[float], channels: int) -> list[float]:
    return list(values) * channels if len(values) == 1 else list(values)
