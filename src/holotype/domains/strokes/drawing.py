"""What a pen did: strokes, how wide they are, and where they touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [P, 2], x to the right and y down

_STRAIGHT = 0.93  # from end to end, in lengths: people keep a straighter line straight


@dataclass(frozen=True, slots=True)
class Tie:
    """Strokes touch here: each visit is (stroke, index of its point)."""

    visits: tuple[tuple[int, int], ...]  # at least two


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """One drawing as a pen makes it. Lengths are shares of the frame's side, 0..1 inside it."""

    strokes: tuple[Points, ...]  # each [P, 2] with P >= 1; a dot has one point
    ties: tuple[Tie, ...]
    widths: tuple[float, ...]  # of the line of each stroke

    def frame(self) -> tuple[Points, float]:
        """The center of the box around the strokes, [2], and its longer side."""
        points = np.concatenate(self.strokes)
        low, high = points.min(0), points.max(0)
        return (low + high) / 2, max(float((high - low).max()), self.widths[0])

    def centered(self, size: float, width: float) -> Drawing:
        """The same strokes in the middle of the frame, in one size and with one pen."""
        center, own = self.frame()
        strokes = tuple((stroke - center) * (size / own) + 0.5 for stroke in self.strokes)
        return Drawing(strokes, self.ties, (width,) * len(strokes))


def length(points: Points) -> float:
    """Of a line through points, in their unit."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def along(points: Points) -> NDArray[np.float64]:
    """How far along its line each point lies, 0..1: [P]; zeros for a dot."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    return np.asarray(steps / max(steps[-1], 1e-12), dtype=np.float64)


def resample(points: Points, count: int) -> Points:
    """The same line through `count` points at equal distances."""
    at, wanted = along(points), np.linspace(0, 1, count)
    return np.stack([np.interp(wanted, at, points[:, axis]) for axis in (0, 1)], 1)


def is_curved(points: Points) -> bool:
    """Whether a line is more than a straight one that a hand drew."""
    ends = float(np.hypot(*(points[-1] - points[0])))
    return ends < _STRAIGHT * length(points)
