"""Pen strokes as functions of time: where was the pen, given where it was at a few moments?"""

from __future__ import annotations

import zipfile

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import data_folder
from holotype.errors import DataError
from holotype.train.methods.meta.points import PointTasks

ARCHIVE = "omniglot_strokes_small1.zip"
# Whole alphabets are held back: no character, and none of its strokes, is on two sides.
SPLITS = {
    "training": ("Balinese", "Early_Aramaic", "Greek"),
    "selection": ("Latin",),
    "evaluation": ("Korean",),
}
MOMENTS = 32  # at which a stroke is looked at, evenly from its first moment to its last
_SIDE_PX = 105  # of a drawing: the unit of length
_SHORTEST_PX = 10  # a dot is no function to learn
_FEWEST_SAMPLES = 8  # of the pen


def load_strokes(split: str) -> NDArray[np.float32]:
    """Strokes of the drawings of some alphabets of Omniglot.

    Args:
        split: training, selection or evaluation.

    Returns:
        float32 [S, 32, 2]: the way from the first point to the right and upward, in sides of the
        drawing, at 32 evenly spaced moments.

    Raises:
        DataError: no such split, or the archive is not there or damaged.
    """
    if split not in SPLITS:
        raise DataError(f"there is no split {split!r} of strokes", f"Choose from {[*SPLITS]}")
    path = data_folder() / ARCHIVE
    try:
        with zipfile.ZipFile(path) as archive:
            found = [
                stroke
                for name in sorted(archive.namelist())
                if name.endswith(".txt") and name.split("/")[1] in SPLITS[split]
                for stroke in _strokes(archive.read(name).decode())
            ]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}: {error})",
            f"Put {ARCHIVE} of github.com/brendenlake/omniglot there",
        ) from error
    return np.stack(found).astype(np.float32)


def _strokes(text: str) -> list[NDArray[np.float64]]:
    """The strokes of one drawing: lines of x, y, milliseconds between START and BREAK."""
    result, points = [], list[list[float]]()
    for line in text.splitlines():
        if line == "BREAK":
            result.append(np.array(points))
            points = []
        elif line and line != "START":
            points.append([float(value) for value in line.split(",")])
    return [_at_moments(stroke) for stroke in result if _is_long(stroke)]


def _is_long(stroke: NDArray[np.float64]) -> bool:
    if len(stroke) < _FEWEST_SAMPLES or stroke[-1, 2] <= stroke[0, 2]:
        return False
    steps = np.diff(stroke[:, :2], axis=0)
    return bool(np.hypot(*steps.T).sum() >= _SHORTEST_PX)


def _at_moments(stroke: NDArray[np.float64]) -> NDArray[np.float64]:
    moments = np.linspace(stroke[0, 2], stroke[-1, 2], MOMENTS)
    places = [np.interp(moments, stroke[:, 2], stroke[:, axis]) for axis in (0, 1)]
    way = np.stack(places, 1)
    return np.asarray((way - way[0]) / _SIDE_PX)


def stroke_tasks(
    strokes: NDArray[np.float32], seed: int, tasks: int, k_shot: int, *, following: bool = False
) -> PointTasks:
    """Tasks from strokes: moments in [-1, 1] -> places.

    Args:
        strokes: float32 [S, 32, 2].
        seed: which strokes and which moments.
        tasks: how many strokes, drawn with replacement; all others of the 32 moments are queries.
        k_shot: moments given of each.
        following: the first moments are given, and those that follow are asked for; otherwise
            moments at random.
    """
    rng = np.random.default_rng(seed)
    chosen = strokes[rng.integers(len(strokes), size=tasks)]
    order = np.arange(MOMENTS)[None].repeat(tasks, 0)
    if not following:
        order = rng.permuted(order, axis=1)
    x = (np.linspace(-1, 1, MOMENTS)[order])[..., None]
    y = np.take_along_axis(chosen, order[..., None], 1)
    known, asked = slice(None, k_shot), slice(k_shot, None)
    parts = (x[:, known], y[:, known], x[:, asked], y[:, asked])
    return PointTasks(*(torch.from_numpy(part).float() for part in parts))
