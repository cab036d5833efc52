"""What kind a picture is of, where photographs are read: one, or ink, print, a spectrogram, noise.

Statistics of tones, after those of natural images (Ruderman 1994, "The statistics of natural
images"): a photograph is alike at all scales, its edges are few and strong, and it is rougher here
than there. A logistic regression on the statistics and their squares tells the kinds; its numbers
lie in `kind.json`, written by `python experiments/kinds.py --fit photos`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holotype.image.decode import unit_range
from holotype.image.ink import INK_LEVEL, border
from holotype.image.input_kind import Impression, reduced
from holotype.image.pixels import Picture, grey

Kind = Literal["photograph", "ink", "page", "spectrogram", "noise"]
WEIGHTS_FILE = Path(__file__).with_name("kind.json")

# Of a square of the area that is averaged down to: photographs are alike at all scales.
_SIDE_PX = 128
_LEAST_PX = 9
_BLOCK_PX = 8
_BEYOND = 3.0  # standard deviations at which a statistic is cut off: no single one decides
_LEAST = 1e-7
_NEAR = 0.1  # of the contrast: still ground
_GREYS, _SHADES = 64, 32  # bins of tones, and of those in which colors are compared


@dataclass(frozen=True, slots=True)
class Regression:
    """The numbers of a fit, for S statistics and K kinds beside photographs."""

    kinds: tuple[Kind, ...]
    mean: NDArray[np.float64]  # [S]
    scale: NDArray[np.float64]  # [S]
    weights: NDArray[np.float64]  # [K, 2 S] of the statistics, and of their squares
    intercept: NDArray[np.float64]  # [K]
    least: float  # log-odds to a photograph, from which on a picture is called another kind

    def log_odds(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """[..., S] -> [..., K], of each kind to a photograph."""
        return self.terms(statistics) @ self.weights.T + self.intercept

    def terms(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """[..., S] -> [..., 2 S], what the weights belong to."""
        z = np.clip((statistics - self.mean) / self.scale, -_BEYOND, _BEYOND)
        return np.concatenate([z, z**2], axis=-1)


def kind_of(picture: Picture, found: Impression) -> Kind:
    """What a picture looks like; what is too small or too narrow to be judged, a photograph.

    Args:
        picture: no blank.
        found: the impression it makes.
    """
    measured = statistics(picture, found)
    if measured is None:
        return "photograph"
    fitted = _regression()
    odds = fitted.log_odds(measured)
    best = int(odds.argmax())
    return fitted.kinds[best] if odds[best] > fitted.least else "photograph"


@cache
def _regression() -> Regression:
    stored = json.loads(WEIGHTS_FILE.read_text())
    kinds, least = tuple(stored.pop("kinds")), stored.pop("least")
    return Regression(kinds, least=least, **{name: np.array(stored[name]) for name in stored})


def statistics(picture: Picture, found: Impression) -> NDArray[np.float64] | None:
    """float64 [S] of a picture, None where it is too small; see `kind_of` for the arguments."""
    height, width = picture.pixels.shape[:2]
    long = max(height, width) / math.sqrt(height * width)
    pixels = reduced(picture.pixels, math.ceil(_SIDE_PX * long))
    if min(pixels.shape[:2]) < _LEAST_PX:
        return None
    tones = grey(pixels)
    of_ink = found.departures
    return np.array(
        [
            *_detail(tones),
            *_histogram(tones),
            *_layout(tones),
            *_colors(pixels, tones),
            of_ink.color,
            of_ink.border,
            of_ink.shading,
            of_ink.pieces,
        ],
        dtype=np.float64,
    )


def _detail(tones: NDArray[np.float32]) -> tuple[float, ...]:
    """How rough: along each axis, at each scale, and how unevenly over the picture."""
    deviation = float(tones.std()) + 1e-4
    right, down = tones[:, 1:] - tones[:, :-1], tones[1:] - tones[:-1]
    along, across = (_power(steps) / (2 * deviation**2) for steps in (right, down))
    powers = [_power(right) + _power(down)]
    powers += [
        _power(tones[:, far:] - tones[:, :-far]) + _power(tones[far:] - tones[:-far])
        for far in (2, 4, 8)
    ]
    slopes = np.diff(np.log(powers)).tolist()
    inner = tones[1:-1, 1:-1]
    around = tones[:-2, 1:-1] + tones[2:, 1:-1] + tones[1:-1, :-2] + tones[1:-1, 2:]
    fine = inner - around / 4
    size = float(np.sqrt(np.square(fine).mean())) + 1e-5
    edges = np.hypot(right[:-1], down[:, :-1])
    edge = float(np.sqrt(np.square(edges).mean())) + 1e-5
    block = _BLOCK_PX if min(tones.shape) >= 6 * _BLOCK_PX else max(2, min(tones.shape) // 6)
    rows, columns = (side // block for side in fine.shape)
    blocks = np.square(fine[: rows * block, : columns * block])
    energy = blocks.reshape(rows, block, columns, block).mean(axis=(1, 3)).ravel() + 1e-6
    by_row, by_column = (np.log(np.square(fine).mean(axis=axis) + 1e-6) for axis in (1, 0))
    return (
        math.log(deviation),
        math.log(min(along, across)),
        math.log(along / across),
        abs(math.log(along / across)),
        *slopes,
        math.log(size / deviation),
        float(np.abs(fine).mean()) / size,  # few and strong, or many and weak
        min(abs(float((fine**3).mean())) / size**3, 4.0),  # speckle is one-sided
        float(edges.mean()) / edge,
        float(np.log(energy).std()),
        float(by_row.std()),
        float(by_column.std()),
        float(np.log(np.quantile(energy, 0.1) / energy.mean())),
        float((np.abs(right[:-1]) + np.abs(down[:, :-1]) < 0.008).mean()),
    )


def _power(steps: NDArray[np.float32]) -> float:
    return float(np.square(steps).mean()) + _LEAST


def _histogram(tones: NDArray[np.float32]) -> tuple[float, ...]:
    """How tones are spread, and how well two of them say all (Otsu 1979)."""
    variance = float(tones.var()) + 1e-6
    shares = np.histogram(tones, _GREYS, (0, 1))[0] / tones.size
    below = np.cumsum(shares)[:-1]
    sums = np.cumsum(shares * (np.arange(_GREYS) + 0.5) / _GREYS)
    between = (sums[-1] * below - sums[:-1]) ** 2 / np.maximum(below * (1 - below), _LEAST)
    scaled = (tones - tones.mean()) / math.sqrt(variance)
    low, high = float(tones.min()), float(tones.max())
    filled = shares[shares > 0]
    return (
        float(-(filled * np.log(filled)).sum()),
        float(shares.max()),
        float(between.max()) / variance,
        abs(float((scaled**3).mean())),
        math.log(float((scaled**4).mean())),
        float(((tones <= low + 0.004) | (tones >= high - 0.004)).mean()),
    )


def _layout(tones: NDArray[np.float32]) -> tuple[float, ...]:
    """Ground and what is on it; rows and columns that differ as wholes."""
    variance = float(tones.var()) + 1e-6
    edge = border(tones)
    paper = float(np.median(edge))
    away = np.abs(tones - paper)
    contrast = max(float(away.max()), 1e-3)
    marked = away > INK_LEVEL * contrast
    count = max(int(marked.sum()), 1)
    thick = max(1, round(max(tones.shape) * 0.03))
    middle = slice(thick, -thick)
    core = marked[middle, middle]
    if core.size:
        core = core & marked[2 * thick :, middle] & marked[: -2 * thick, middle]
        core &= marked[middle, 2 * thick :] & marked[middle, : -2 * thick]
    outline = int((marked[1:] != marked[:-1]).sum() + (marked[:, 1:] != marked[:, :-1]).sum())
    third = len(tones) // 3
    return (
        paper,
        float((np.abs(edge - paper) > _NEAR).mean()),
        float((away < _NEAR * contrast).mean()),
        count / marked.size,
        float(core.sum()) / count,
        math.log((outline + 1) / count),
        float(tones.mean(axis=1).var()) / variance,
        float(tones.mean(axis=0).var()) / variance,
        abs(float(tones[:third].mean() - tones[-third:].mean())) / math.sqrt(variance),
    )


def _colors(pixels: NDArray[np.generic], tones: NDArray[np.float32]) -> tuple[float, float, float]:
    """Chroma, what of it the tone does not say, and what it does: all, through a map of colors."""
    if pixels.shape[2] == 1:
        return 0.0, 0.0, 0.0
    apart = unit_range(pixels) - tones[:, :, None]
    chroma = float(np.sqrt(np.square(apart).mean()))
    shade = np.minimum((tones * _SHADES).astype(np.intp), _SHADES - 1).ravel()
    count = np.maximum(np.bincount(shade, minlength=_SHADES), 1)
    said = sum(
        float((np.bincount(shade, plane.ravel(), _SHADES) ** 2 / count).sum())
        for plane in np.moveaxis(apart, 2, 0)
    )
    left = math.sqrt(max(chroma**2 - said / apart.size, 0.0))
    return chroma, left, max(chroma - 2 * left, 0.0)
