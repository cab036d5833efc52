"""How drawings of one character differ, measured on pen strokes of background characters.

    HOLOTYPE_DATA=... python experiments/pen.py

Reads the strokes that Omniglot's drawers made with the pen (all of alphabets that holotype trains
on) and writes src/holotype/domains/strokes/variation.json. About a minute on one core.
"""

from __future__ import annotations

import argparse
import itertools
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import data_folder
from holotype.datasets.splits import TRAINING
from holotype.domains.strokes.drawing import Points, is_curved, length, resample

ARCHIVES = ("omniglot_strokes_small1.zip", "omniglot_strokes_small2.zip")
OUT = Path(__file__).parent.parent / "src" / "holotype" / "domains" / "strokes" / "variation.json"
POINTS, WAVES = 24, 5
MOST_STROKES, PAIRS = 4, 30  # more strokes have too many pairings; pairs of drawings a character
# Strokes of two drawings lie farther apart than this (root mean square, in sizes of the drawing):
# the drawers made other strokes, and the pair says nothing.
FARTHEST = 0.12
LONG = 0.25  # sizes of the drawing; the turn and shape of a shorter stroke are noise of the pen
SMALLEST = 0.2  # of its own size; what a stroke shrinks to beyond is another stroke
TOUCHING = 0.05  # sizes; an end nearer than this to another stroke was meant to touch it
STRENGTH = (
    0.6  # drawn by default: of 0.4, 0.6, 0.8 and 1 the best on the selection alphabets, by pixels
)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    affine, shift, turn, scale, gap = [], [], [], [], []
    straight, bent = [], []
    pairs = 0
    for drawings in characters():
        rng = np.random.default_rng(pairs)
        gap += [distance for drawing in drawings for distance in gaps(drawing)]
        by_count = defaultdict(list)
        for drawing in drawings:
            by_count[len(drawing)].append(drawing)
        possible = [
            (a, b)
            for count, alike in by_count.items()
            if count <= MOST_STROKES
            for a, b in itertools.permutations(alike, 2)
        ]
        for index in rng.permutation(len(possible))[:PAIRS]:
            found = compare(*possible[index])
            if found is None:
                continue
            pairs += 1
            whole, strokes = found
            affine.append(whole)
            for moved, turned, grown, waves, curved in strokes:
                shift.append(moved)
                if turned is not None:
                    turn.append(turned)
                    scale.append(grown)
                    (bent if curved else straight).append(waves)
    deviations = {
        "affine": np.round(np.cov(np.array(affine).T), 6).tolist(),
        "shift": deviation(np.array(shift).ravel()),
        "turn": deviation(np.array(turn)),
        "scale": deviation(np.array(scale)),
        "bend": [
            [deviation(wave) for wave in np.array(waves).transpose(1, 0, 2).reshape(WAVES, -1)]
            for waves in (straight, bent)
        ],
        "gap": deviation(np.array(gap)),
    }
    facts = {
        "source": "https://github.com/brendenlake/omniglot (MIT), pen strokes of background sets",
        "command": "python experiments/pen.py",
        "pairs": pairs,
        "strength": STRENGTH,
        "deviations": deviations,
    }
    OUT.write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


def deviation(values: NDArray[np.float64]) -> float:
    """The standard deviation about 0 that the middle 90 % suggest: wrong pairings lie outside."""
    return round(float(np.quantile(np.abs(values), 0.9) / 1.6449), 5)


def compare(a: list[Points], b: list[Points]) -> tuple[NDArray[np.float64], list[Any]] | None:
    """What changes from drawing a to b: the affine map, and of each stroke what it leaves."""
    points = np.concatenate(a)
    low, high = points.min(0), points.max(0)
    size = float((high - low).max())
    if size <= 0:
        return None
    first = [resample((s - (low + high) / 2) / size, POINTS) for s in a]
    other = [resample((s - (low + high) / 2) / size, POINTS) for s in b]
    b_points = np.concatenate(other)
    b_center = (b_points.min(0) + b_points.max(0)) / 2
    second = paired(first, other, b_center)
    x, y = np.concatenate(first), np.concatenate(second)
    design = np.hstack([x, np.ones((len(x), 1))])
    # A single line leaves the stretch across it open: a little weight on no change at all.
    fit = np.linalg.solve(
        design.T @ design + np.diag([0.5, 0.5, 0]), design.T @ y + 0.5 * np.eye(3, 2)
    )
    rest = y - design @ fit
    if np.sqrt(np.square(rest).sum(1).mean()) > FARTHEST:
        return None
    strokes: list[Any] = []
    for s, target in zip(first, second, strict=True):
        expected = np.hstack([s, np.ones((POINTS, 1))]) @ fit
        moved = target.mean(0) - expected.mean(0)
        extent = length(expected)
        if extent < LONG:
            strokes.append((moved, None, None, None, False))
            continue
        p, q = (complex_(value - value.mean(0)) for value in (expected, target))
        ratio = np.vdot(p, q) / np.vdot(p, p).real  # the similarity that fits best
        if abs(ratio) < SMALLEST:
            strokes.append((moved, None, None, None, False))
            continue
        left = q - ratio * p
        waves = np.cos(np.pi * np.outer(np.arange(1, WAVES + 1), np.linspace(0, 1, POINTS)))
        coefficients = np.linalg.lstsq(waves.T, left, rcond=None)[0] / extent
        strokes.append(
            (
                moved,
                float(np.angle(ratio)),
                float(np.log(abs(ratio))),
                np.stack([coefficients.real, coefficients.imag], 1),
                is_curved(s),
            )
        )
    whole = np.concatenate([(fit[:2].T - np.eye(2)).ravel(), fit[2]])
    return whole, strokes


def paired(a: list[Points], b: list[Points], b_center: Points) -> list[Points]:
    """The strokes of b in the order and direction of those of a that they fit best."""
    cost = np.empty((len(a), len(b)))
    turned: dict[tuple[int, int], Points] = {}
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            ways = [np.square(p - way + b_center).sum() for way in (q, q[::-1])]
            turned[i, j] = q if ways[0] <= ways[1] else q[::-1]
            cost[i, j] = min(ways)
    best = min(
        itertools.permutations(range(len(b))),
        key=lambda order: sum(cost[i, j] for i, j in enumerate(order)),
    )
    return [turned[i, j] for i, j in enumerate(best)]


def gaps(drawing: list[Points]) -> Iterator[float]:
    """How far ends that were meant to touch another stroke are from it, in sizes: with sign."""
    points = np.concatenate(drawing)
    size = float(np.ptp(points, axis=0).max())
    if size <= 0:
        return
    dense = [resample(stroke, 100) for stroke in drawing]
    for i, stroke in enumerate(dense):
        others = [other for j, other in enumerate(dense) if j != i]
        if not others:
            continue
        for end in (stroke[0], stroke[-1]):
            distance = float(np.hypot(*(np.concatenate(others) - end).T).min()) / size
            if distance < TOUCHING:
                yield distance / np.sqrt(2)  # of both axes, one


def complex_(points: Points) -> NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1]


def characters() -> Iterator[list[list[Points]]]:
    """The drawings of each character: lists of strokes [P, 2], y down, in pixels of 105."""
    seen = set()
    for name in ARCHIVES:
        by_character = defaultdict(list)
        with zipfile.ZipFile(data_folder() / name) as archive:
            for member in sorted(archive.namelist()):
                parts = member.split("/")
                if member.endswith(".txt") and "__MACOSX" not in member:
                    by_character[parts[-3], parts[-2]].append(read(archive.read(member).decode()))
        for (alphabet, character), drawings in by_character.items():
            assert alphabet in TRAINING, alphabet
            if (alphabet, character) not in seen:
                seen.add((alphabet, character))
                yield drawings


def read(text: str) -> list[Points]:
    strokes: list[list[tuple[float, float]]] = [[]]
    for line in text.splitlines():
        if line == "BREAK":
            strokes.append([])
        elif "," in line:
            x, y, _ = line.split(",")
            strokes[-1].append((float(x), -float(y)))
    return [np.array(stroke) for stroke in strokes if stroke]


if __name__ == "__main__":
    main()
