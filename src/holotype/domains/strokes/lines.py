"""A thinned drawing -> the lines in it, and the crossings at which they meet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holotype.domains.strokes.drawing import Points, length
from holotype.domains.strokes.skeleton import Mask, Pixel, beside, neighbors, parts

# Shorter than this many pen widths, a line that ends freely is a burr of the thinning ...
_BURR = 0.7
# ... and one between two crossings is a part of one crossing that thinning tore in two.
_BRIDGE = 1.5


@dataclass(slots=True, eq=False)
class Edge:
    """A line between two crossings or free ends."""

    line: Points  # [P, 2] in pixels, the crossings included
    nodes: tuple[int | None, int | None]  # at its first and last point; None: it ends freely


@dataclass(slots=True, eq=False)
class Node:
    """A crossing, or any point of a ring."""

    position: Points  # [2]
    ends: list[tuple[int, int]] = field(default_factory=list)  # (edge, 0 first or 1 last)


def lines_of(thin: Mask, pen_px: float) -> tuple[list[Edge], list[Node]]:
    """Read a skeleton as a graph, without what thinning made up.

    Args:
        thin: bool [H, W], as from `skeleton`.
        pen_px: the width of the ink that it was thinned from.

    Returns:
        The edges, and the nodes with the edges that end there. A node without edges is a dot.
    """
    edges, positions = _graph(thin)
    edges = [edge for edge in edges if None not in edge.nodes or not _is_burr(edge, pen_px)]
    gone = _dissolve(edges, positions) | _bridge(edges, positions, pen_px)
    nodes = [Node(position) for position in positions]
    for index, edge in enumerate(edges):
        for side, node in enumerate(edge.nodes):
            if node is not None:
                nodes[node].ends.append((index, side))
    dots = [
        Node(node.position) for at, node in enumerate(nodes) if not node.ends and at not in gone
    ]
    return edges, [node for node in nodes if node.ends] + dots


def _dissolve(edges: list[Edge], positions: list[Points]) -> set[int]:
    """Make one line of two that go on through a crossing where no other ends; changes `edges`."""
    gone = set()
    for node in range(len(positions)):
        at = [(edge, side) for edge in edges for side in (0, 1) if edge.nodes[side] == node]
        if len(at) != 2 or at[0][0] is at[1][0]:
            continue
        (first, out), (second, into) = at
        head = first.line if out else first.line[::-1]
        tail = second.line[::-1] if into else second.line
        edges.remove(first)
        edges.remove(second)
        ends = (first.nodes[1 - out], second.nodes[1 - into])
        edges.append(Edge(np.concatenate([head, tail[1:]]), ends))
        gone.add(node)
    return gone


def _is_burr(edge: Edge, pen_px: float) -> bool:
    return edge.nodes != (None, None) and length(edge.line) < _BURR * pen_px


def _bridge(edges: list[Edge], positions: list[Points], pen_px: float) -> set[int]:
    """Make one crossing of two that are joined by a bridge; both lists are changed."""
    gone: set[int] = set()
    while True:
        for bridge in edges:
            a, b = bridge.nodes
            if None not in (a, b) and a != b and length(bridge.line) < _BRIDGE * pen_px:
                break
        else:
            return gone
        assert a is not None
        assert b is not None
        edges.remove(bridge)
        gone.add(b)
        positions[a] = (positions[a] + positions[b]) / 2
        for edge in edges:
            edge.nodes = tuple(a if node == b else node for node in edge.nodes)  # type: ignore[assignment]
            for side, node in zip((0, -1), edge.nodes, strict=True):
                if node == a:
                    edge.line[side] = positions[a]


def _graph(thin: Mask) -> tuple[list[Edge], list[Points]]:
    """All lines and crossings of a skeleton."""
    padded = np.pad(thin, 1)
    crossing = padded & (neighbors(padded).sum(0) >= 3)
    # With the pixels around a crossing gone, no two of its lines touch.
    region = padded & (neighbors(crossing).any(0) | crossing)
    node_of: dict[Pixel, int] = {}
    positions: list[Points] = []
    for cluster in parts(region):
        node_of |= dict.fromkeys(cluster, len(positions))
        middle = np.array([pixel for pixel in cluster if crossing[pixel]], dtype=np.float64)
        positions.append(middle.mean(0)[::-1] - 1)
    edges: list[Edge] = []
    for cluster in parts(padded & ~region):
        path = _path(cluster)
        line = np.array(path, dtype=np.float64)[:, ::-1] - 1
        first, last = (_nodes_beside(path[at], node_of) for at in (0, -1))
        if len(path) == 1:  # one pixel between two crossings, or at one, or a dot
            first, last = first[:1], first[1:]
        elif not first and not last and len(path) > 3 and path[-1] in beside(path[0]):
            positions.append(line[0])  # a ring: it is closed where the walk began
            first = last = [len(positions) - 1]
        if not (first or last) and len(path) < 3:
            positions.append(line.mean(0))
            continue
        nodes = (first[0] if first else None, last[0] if last else None)
        pieces = [
            positions[nodes[0]][None] if nodes[0] is not None else line[:0],
            line,
            positions[nodes[1]][None] if nodes[1] is not None else line[:0],
        ]
        edges.append(Edge(np.concatenate(pieces), nodes))
    return edges, positions


def _path(cluster: list[Pixel]) -> list[Pixel]:
    """The pixels of a line in the order in which a pen meets them."""
    left = set(cluster)
    ends = [pixel for pixel in cluster if sum(near in left for near in beside(pixel)) < 2]
    path = [min(ends or cluster)]
    left.remove(path[0])
    while True:
        # Sides before corners, so that no pixel of a stair is left behind.
        onward = [near for near in beside(path[-1]) if near in left]
        if not onward:
            return path
        path.append(onward[0])
        left.remove(onward[0])


def _nodes_beside(pixel: Pixel, node_of: dict[Pixel, int]) -> list[int]:
    """The crossings next to a pixel, each once."""
    return list(dict.fromkeys(node_of[near] for near in beside(pixel) if near in node_of))
