"""Which recipe suits a folder of pictures, by a look at some of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import load_dataset
from holotype.errors import ImageError
from holotype.image import ink, prepare

_LOOKED_AT = 40
_COLORED = 0.04  # mean range of the channels from which a picture is in color
_PAPER, _FULL = 0.15, 0.7  # a half-tone lies between these shares of the ink
_OF_PAPER = 0.02  # and what is below this is paper
_HALF_TONES = 0.55  # of all that is not paper: more of them than edges of strokes account for


def fitting_recipe(recipes: Collection[str], data: str) -> str | None:
    """The recipe for a folder of pictures: `photos`, unless they are drawings in ink.

    Args:
        recipes: the names of those that the method has.
        data: what is learned from.

    Returns:
        `photos`, where the method has it and the pictures call for it; None: the method's first.
    """
    if "photos" not in recipes or not Path(data).is_dir():
        return None
    pictures = load_dataset(data).images
    if not isinstance(pictures, tuple):
        return None
    rows = np.unique(np.linspace(0, len(pictures) - 1, _LOOKED_AT, dtype=int))
    some = [prepare.read(pictures[row]) for row in rows]
    colored = float(np.median([np.ptp(picture, axis=0).mean() for picture in some])) > _COLORED
    return "photos" if colored or not is_ink([picture.mean(0) for picture in some]) else None


def is_ink(pictures: Sequence[NDArray[np.float32]]) -> bool:
    """Whether pictures are drawings: ink on paper, and hardly anything between the two.

    Whatever is neither paper nor full ink belongs to the edge of a stroke; photographs and
    spectrograms have more of that than strokes have edges. Three of four pictures must do.

    Args:
        pictures: luminance float32 [H, W] in [0, 1] each, at least one.
    """
    return float(np.quantile([_half_tones(picture) for picture in pictures], 0.75)) < _HALF_TONES


def _half_tones(luminance: NDArray[np.float32]) -> float:
    """Their share of all that is not paper."""
    try:
        strokes = ink.strokes(luminance)
    except ImageError:  # an empty page says nothing against ink
        return 0.0
    between = (strokes > _PAPER) & (strokes < _FULL)
    return float(between.sum() / max(1, (strokes > _OF_PAPER).sum()))
