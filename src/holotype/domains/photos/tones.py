"""Mean and deviation of the tones that a model of photographs takes."""

from __future__ import annotations

from collections.abc import Sequence

from holotype.domains.declared import Notes, PictureInput, Stated
from holotype.errors import PackError

Tones = tuple[tuple[float, ...], tuple[float, ...]]  # mean and standard deviation
# What most published networks of color pictures were trained with: the statistics of ImageNet.
_USUAL: Tones = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_NONE: Tones = ((0.0,), (1.0,))


def stated(
    picture: PictureInput, channels: int, stated: Stated, notes: Notes, usual: Tones | None
) -> dict[str, list[float]]:
    """`mean` and `std`, each with a value for each channel.

    Args:
        picture: the input of the model.
        channels: 1 or 3.
        stated: what is said of it.
        notes: where it is written down what was assumed.
        usual: of such models; None: those of ImageNet for RGB, none for grey.

    Raises:
        PackError: the model takes whole numbers, and tones are stated.
    """
    mean, std = stated.mean, stated.std
    if whole := picture.number.startswith(("u", "i")):
        if mean or std:
            raise PackError(
                f"the model takes {picture.number}, whole numbers from 0 to 255; mean and std "
                "would be lost in rounding",
                "Leave them out",
            )
        notes.understood.append("whole numbers from 0 to 255: the model scales them itself")
        usual = _NONE
    elif usual is None:
        usual = _USUAL if channels == 3 else _NONE
    if not (mean and std) and not whole:
        told = f"mean {listed(mean or usual[0])}, standard deviation {listed(std or usual[1])}"
        notes.assumed.append(f"{told}, of values from 0 to 1 (--mean, --std)")
    return {
        "mean": _of_each(mean or usual[0], channels),
        "std": _of_each(std or usual[1], channels),
    }


def listed(values: Sequence[float]) -> str:
    """As people read them."""
    return ", ".join(f"{value:g}" for value in values)


def _of_each(values: Sequence[float], channels: int) -> list[float]:
    return list(values) * channels if len(values) == 1 else list(values)
