"""A picture -> the strokes that may have made it.

Bayesian Program Learning starts with the same three steps (Lake, Salakhutdinov and Tenenbaum
2015, supplement S3): thin the ink, read the lines between crossings as a graph, and walk it with
a pen that prefers to go straight on.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.domains.strokes.drawing import Drawing, Points, Tie, along, length, resample
from holotype.domains.strokes.lines import Edge, Node, lines_of
from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.skeleton import Mask, neighbors, skeleton
from holotype.image import ink

# Strokes are sought in a raster of this side, with this margin around the ink.
_SIDE_PX, _MARGIN_PX = 105, 14
_INK_LEVEL = 0.35  # as where `ink.fit` seeks the box around the ink
# Ink smaller than this share of its frame was drawn on no sheet of paper: the frame is cut to it.
_SMALLEST = 0.2
_FILLED = 1.5  # wider than this many pens
_STRAIGHT_DEGREES = 60.0  # a pen goes straight on through a crossing where it turns by less
_STEP_PX = 2.0  # between the points of a stroke
_LEAST_SMOOTHING_PX = 1.0
_SMOOTHING = 0.25  # standard deviation of the smoothing along a stroke, in pen widths

End = tuple[int, int]  # an edge, and 0 for its first or 1 for its last point


def trace(strokes: NDArray[np.float32]) -> Drawing:
    """Read a drawing.

    Args:
        strokes: float32 [H, W] in [0, 1], ink 1 on paper 0, as from `ink.strokes`; at least one
            pixel is 1.

    Returns:
        The drawing in a square frame about the center of the picture; where there is little ink
        in much paper, the frame is cut to the ink.
    """
    fitted = ink.fit(strokes, _SIDE_PX, _MARGIN_PX)
    inked = fitted > _INK_LEVEL
    thin = skeleton(inked)
    edge_px = _to_paper(inked)
    pen_px = _width(edge_px[thin])
    edges, nodes = lines_of(thin, pen_px)
    lines, ties = _walked(edges, nodes, pen_px)
    drawing = Drawing(
        strokes=tuple((line + 0.5) / _SIDE_PX for line in lines),
        ties=ties,
        widths=tuple(_own_width(line, edge_px, pen_px) / _SIDE_PX for line in lines),
    )
    # The pen is as wide as it takes to use as much ink.
    share = float(fitted.sum()) / float((1 - render(drawing, _SIDE_PX) / 255).sum())
    scale, corner = _placing(strokes)
    return Drawing(
        strokes=tuple(stroke * scale + corner for stroke in drawing.strokes),
        ties=ties,
        widths=tuple(width * scale * share for width in drawing.widths),
    )


def _to_paper(inked: Mask) -> NDArray[np.float64]:
    """How far each pixel of ink is from the nearest paper, in pixels; 0 on paper."""
    distance = np.zeros(inked.shape)
    beside: Mask = np.asarray(neighbors(np.pad(inked, 1)).any(axis=0))
    paper = np.argwhere(~inked & beside[1:-1, 1:-1])
    apart = np.argwhere(inked)[:, None] - paper
    distance[inked] = np.sqrt(np.square(apart).sum(-1).min(1))
    return distance


def _width(center_to_paper_px: NDArray[np.float64]) -> float:
    """The width of a line from the distances of its middle to the paper, about."""
    return max(1.0, 2 * float(np.median(center_to_paper_px)) - 0.5)


def _own_width(line: Points, edge_px: NDArray[np.float64], pen_px: float) -> float:
    """One pen made the drawing; what is far wider was filled in with it."""
    column, row = np.clip(np.round(line), 0, _SIDE_PX - 1).astype(int).T
    own_px = _width(edge_px[row, column])
    return own_px if own_px > _FILLED * pen_px else pen_px


def _walked(
    edges: list[Edge], nodes: list[Node], pen_px: float
) -> tuple[list[Points], tuple[Tie, ...]]:
    """Edges -> strokes [P, 2] in pixels, and where they touch."""
    partner = _partners(edges, nodes, pen_px)
    ends = [(edge, side) for edge in range(len(edges)) for side in (0, 1)]
    lines: list[Points] = []
    visits: dict[int, list[End]] = defaultdict(list)  # node -> (stroke, point)
    walked: set[int] = set()
    # First the strokes that begin somewhere, then the closed ones, which begin anywhere.
    for start in [end for end in ends if end not in partner] + ends:
        if start[0] in walked:
            continue
        points: list[Points] = []
        met: list[tuple[int, int]] = []  # (node, index into the points so far)
        at: End | None = start
        while at is not None and at[0] not in walked:
            edge, side = at
            walked.add(edge)
            line = edges[edge].line[::-1] if side else edges[edge].line
            first, last = edges[edge].nodes[side], edges[edge].nodes[1 - side]
            if not points and first is not None:
                met.append((first, 0))
            points.append(line[1:] if points else line)
            if last is not None:
                met.append((last, sum(map(len, points)) - 1))
            at = partner.get((edge, 1 - side))
        raw = np.concatenate(points)
        line = _smoothed(raw, max(_LEAST_SMOOTHING_PX, _SMOOTHING * pen_px))
        share = along(raw)
        for node, index in met:
            visits[node].append((len(lines), round(share[index] * (len(line) - 1))))
        lines.append(line)
    lines += [node.position[None] for node in nodes if not node.ends]
    return lines, tuple(Tie(tuple(at)) for at in visits.values() if len(at) > 1)


def _partners(edges: list[Edge], nodes: list[Node], pen_px: float) -> dict[End, End]:
    """Through which ends the pen goes on: both directions of each pair."""
    partner: dict[End, End] = {}
    for node in nodes:
        free = list(node.ends)
        leaving = {end: _direction(edges[end[0]].line, end[1], 2 * pen_px) for end in free}
        turns = sorted(
            (float(np.degrees(np.arccos(np.clip(-leaving[a] @ leaving[b], -1, 1)))), a, b)
            for i, a in enumerate(free)
            for b in free[i + 1 :]
        )
        for turn, a, b in turns:
            if a in free and b in free and (turn < _STRAIGHT_DEGREES or len(node.ends) == 2):
                partner[a], partner[b] = b, a
                free.remove(a)
                free.remove(b)
    return partner


def _direction(line: Points, side: int, reach_px: float) -> Points:
    """The unit vector in which a line leaves its end, judged over `reach_px`."""
    outward = line[::-1] if side else line
    far = np.argmax(np.hypot(*(outward - outward[0]).T) >= reach_px) or len(outward) - 1
    step = outward[far] - outward[0]
    return np.asarray(step / max(float(np.hypot(*step)), 1e-9), dtype=np.float64)


def _smoothed(line: Points, spread_px: float) -> Points:
    """Points every `_STEP_PX`, without the steps of the raster; the ends stay."""
    if length(line) < _STEP_PX:
        return line[:1]
    dense = resample(line, max(3, round(length(line)) + 1))
    reach = min(len(dense) - 1, round(3 * spread_px))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread_px) ** 2)
    kernel /= kernel.sum()
    # Beyond its ends a line goes on as its mirror image through them.
    before = 2 * dense[0] - dense[reach:0:-1]
    after = 2 * dense[-1] - dense[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, dense, after])
    smooth = np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], 1)
    return resample(smooth, max(2, round(length(smooth) / _STEP_PX) + 1))


def fills_frame(strokes: NDArray[np.float32]) -> bool:
    """Whether the frame is a sheet that was drawn on; otherwise the drawing is cut out of it."""
    low, high = _box(strokes)
    return bool((high - low).max() >= _SMALLEST * max(strokes.shape))


def framed(strokes: NDArray[np.float32], size_px: int) -> NDArray[np.uint8]:
    """The picture itself in the frame of its drawing: uint8 [size_px, size_px], ink 0 on 255."""
    if not fills_frame(strokes):
        placed = ink.fit(strokes, size_px, round(size_px * _MARGIN_PX / _SIDE_PX))
    else:
        height, width = strokes.shape
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.pad(strokes, ((top, side - height - top), (left, side - width - left)))
        resized = Image.fromarray(square).resize((size_px, size_px), Image.Resampling.BILINEAR)
        placed = np.asarray(resized)
    return np.asarray(np.round(255 * (1 - np.clip(placed, 0, 1))), dtype=np.uint8)


def _placing(strokes: NDArray[np.float32]) -> tuple[float, Points]:
    """Where the raster of `ink.fit` lies: its side and corner, as shares of the square frame."""
    if not fills_frame(strokes):
        return 1.0, np.zeros(2)
    low, high = _box(strokes)
    frame = max(strokes.shape)
    scale = int((high - low).max()) * _SIDE_PX / (_SIDE_PX - 2 * _MARGIN_PX) / frame
    height, width = strokes.shape
    center = ((low + high) / 2 + (frame - np.array([width, height])) / 2) / frame
    return scale, center - scale / 2


def _box(strokes: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last (column, row) + 1 with ink."""
    rows, columns = (np.flatnonzero((strokes > _INK_LEVEL).any(axis=axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
