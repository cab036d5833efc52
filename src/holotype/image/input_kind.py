"""What kind of picture is this, and is it the kind that a model reads?

Ink on paper is a ground of one tone, and thin strokes of another; a photograph, a spectrogram or
a page of print departs from that in ways that can be counted. Five such departures are measured,
each as a share of the least that tells a foreign picture by itself, and added up. Which they are
and where their limits lie was chosen on drawings, photographs, pages and spectrograms that the
documentation does not count (`experiments/kinds.py`).

A picture under 17 pixels is not judged: at that size a digit has as many tones as a face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.domains.domain import AnotherKind
from holotype.domains.registry import domain_of
from holotype.errors import ImageError
from holotype.image import ink
from holotype.image.decode import unit_range
from holotype.image.ink import INK_LEVEL, border
from holotype.image.pixels import Picture, grey
from holotype.preprocessing import Preprocessing

Kind = Literal["ink", "page", "tones", "blank"]

# Sides that pictures are averaged down to: to count pieces, to see tones and to see colors.
_PIECES_PX, _TONES_PX, _COLORS_PX = 400, 96, 96
MIN_SIDE_PX = 17
_SMOOTHED_FROM_PX = 64  # larger pictures are smoothed a little: grain is no piece
_GROUND_LEVEL = 0.1
_BETWEEN = (0.2, 0.75)  # tones that are neither ground nor ink
_MARKED = 0.25  # tones that are not ground
_SLOW = 0.35  # of the steepest rise: a stroke's own edge is steeper
# Pieces less holes. So many, in one tone and with the ground around them, are a page of print.
_A_PAGE = 40.0
PLAINLY = 1.35  # what departures of drawings hardly ever add up to


@dataclass(frozen=True, slots=True)
class Departures:
    """How far a picture is from ink on paper, each as a share of what is foreign by itself."""

    color: float  # colors beside the mix of paper and ink
    border: float  # of the outermost pixels, those that are not ground
    shading: float  # tones between ground and ink that do not belong to an edge
    pieces: float  # connected pieces, holes taken off
    ground: float  # of the picture, what is not ground

    @property
    def sum(self) -> float:
        """From 1 on the picture is rather something else, from `PLAINLY` on certainly."""
        return float(sum(getattr(self, field.name) for field in fields(self)))


_NONE = Departures(color=0, border=0, shading=0, pieces=0, ground=0)
# What a departure of 1 is, and the most that each may add.
_LIMITS = Departures(color=0.06, border=0.24, shading=0.42, pieces=34.0, ground=3.5)
_MOST = Departures(color=1.5, border=1.7, shading=1.9, pieces=1.75, ground=0.3)


@dataclass(frozen=True, slots=True)
class Impression:
    """What a picture looks like."""

    kind: Kind  # "tones": a photograph, a spectrogram, anything with more tones than two
    departures: Departures


def impression(picture: Picture) -> Impression:
    """What kind of picture this is: ink on paper, or something else."""
    try:
        departures, pieces = _measured(picture)
    except ImageError:
        return Impression("blank", _NONE)
    if departures.sum <= 1:
        return Impression("ink", departures)
    of_print = pieces > _A_PAGE and departures.color + departures.border < 1
    return Impression("page" if of_print else "tones", departures)


def another_kind(picture: Picture, preprocessing: Preprocessing) -> AnotherKind | None:
    """Why a picture is none of those that a model reads (`Domain.another_kind`)."""
    return domain_of(preprocessing).another_kind(picture, preprocessing)


TONES = "this looks like a photograph, or another picture of many tones"
LOOKS = {
    "ink": "this looks like a drawing in ink on paper",
    "page": "this looks like a page of print",
    "tones": TONES,
    "spectrogram": "this looks like a spectrogram, or another chart of measured values",
    "noise": "this looks like noise, or a pattern that no camera took",
}


def _measured(picture: Picture) -> tuple[Departures, float]:
    """The departures, and the number of pieces less holes.

    Raises:
        ImageError: the picture has no contrast.
    """
    pixels = reduced(picture.pixels, _PIECES_PX)
    whole = pixels is picture.pixels
    strokes = picture.drawing.strokes if whole else ink.strokes(grey(pixels))
    if min(strokes.shape) < MIN_SIDE_PX:
        return _NONE, 0.0
    smooth = _smoothed(strokes) if min(strokes.shape) >= _SMOOTHED_FROM_PX else strokes
    inked = smooth > INK_LEVEL
    if not inked.any():
        inked = strokes > INK_LEVEL
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pieces = abs(_pieces_less_holes(inked))
    counted = Departures(
        color=_off_the_mix(pixels),
        border=float((border(smooth) > _GROUND_LEVEL).mean()),
        shading=_shading(strokes[box]),
        pieces=pieces,
        ground=float((smooth > _GROUND_LEVEL).mean()),
    )
    shares = (
        min(getattr(counted, f.name) / getattr(_LIMITS, f.name), getattr(_MOST, f.name))
        for f in fields(Departures)
    )
    return Departures(*shares), pieces


def _shading(box: NDArray[np.float32]) -> float:
    """Tones between ground and ink that belong to no edge, of all that is not ground.

    In a stroke tones change at its edge alone, and however blurred a drawing is, they change at
    the pace of its steepest edge; in a face they change slowly as well.
    """
    scale = _TONES_PX / math.sqrt(box.size)
    if scale < 1:
        width, height = (max(2, round(side * scale)) for side in box.shape[::-1])
        box = np.asarray(Image.fromarray(box).resize((width, height), Image.Resampling.BOX))
    # The grain of the darkest pixels is no measure of how dark the ink is.
    dark = box[box >= 0.4 * box.max()]
    tones = np.clip(box / _quantile(dark, 0.9), 0, 1)
    around = np.pad(tones, 1)
    looked = tones > _BETWEEN[0]  # of the rest nothing is asked
    down = (around[2:, 1:-1] - around[:-2, 1:-1])[looked] / 2
    right = (around[1:-1, 2:] - around[1:-1, :-2])[looked] / 2
    tones, rise = tones[looked], np.hypot(down, right)
    marked = tones > _MARKED
    steepest = float(_quantile(rise[marked], 0.98))
    between = (tones < _BETWEEN[1]) & (rise < _SLOW * steepest)
    return float(np.count_nonzero(between) / np.count_nonzero(marked))


def _quantile(values: NDArray[np.float32], share: float) -> np.float32:
    """As `np.quantile`, in a tenth of its time: every picture comes through here."""
    values = np.sort(values)
    at = share * (len(values) - 1)
    below, part = values[int(at)], at % 1
    above = values[math.ceil(at)]
    step = above - below
    return np.float32(below + step * part if part < 0.5 else above - step * (1 - part))


def _pieces_less_holes(mask: NDArray[np.bool_]) -> float:
    """The Euler number of a mask whose pixels touch at corners too, from its 2 x 2 squares.

    (Gray 1971, "Local properties of binary images in two dimensions".)
    """
    height, width = mask.shape
    padded = np.zeros((height + 2, width + 2), np.int8)
    padded[1:-1, 1:-1] = mask
    # In one row: the squares from the end of a row to the begin of the next are empty.
    m, below = padded.ravel(), width + 2
    a, b, c, d = m[: -below - 1], m[1:-below], m[below:-1], m[below + 1 :]
    total = a + b + c + d
    diagonal = (total == 2) & (a == d)
    ones, threes = np.count_nonzero(total == 1), np.count_nonzero(total == 3)
    return (ones - threes - 2 * np.count_nonzero(diagonal)) / 4


def _off_the_mix(pixels: NDArray[Any]) -> float:
    """How far colors lie beside the one line from paper to ink, root mean square of [0, 1]."""
    if pixels.shape[2] == 1:
        return 0.0
    colors = unit_range(reduced(pixels, _COLORS_PX))
    apart = (colors - np.median(border(colors), axis=0)).reshape(-1, 3)
    variance = np.linalg.eigvalsh(apart.T @ apart / len(apart))
    return float(np.sqrt(max(variance[0] + variance[1], 0)))


def reduced(pixels: NDArray[Any], side_px: int) -> NDArray[Any]:
    """[H, W, C] -> means of blocks, sides of at most `side_px`, in the same dtype and range."""
    step = -(-max(pixels.shape[:2]) // side_px)
    if step == 1:
        return pixels
    planes = [np.ascontiguousarray(pixels[:, :, i]) for i in range(pixels.shape[2])]
    return np.stack([np.asarray(Image.fromarray(plane).reduce(step)) for plane in planes], axis=2)


def _smoothed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Binomial weights 1 2 1 along both axes."""
    for axis in (0, 1):
        along = np.moveaxis(values, axis, 0)  # a view, as the next one is
        total = 2 * along
        total[1:] += along[:-1]
        total[0] += along[0]
        total[:-1] += along[1:]
        total[-1] += along[-1]
        values = np.moveaxis(total, 0, axis)
    return np.asarray(values / 16, dtype=np.float32)
