"""How drawings of one character differ, and other drawings of it that differ as much.

The parts are those of Bayesian Program Learning (Lake, Salakhutdinov and Tenenbaum 2015,
supplement S2.2): the character as a whole is turned and stretched, each stroke is drawn in another
place, size and shape, and strokes that touched still touch, if not quite in the same place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from holotype.domains.strokes.drawing import Drawing, Points, Tie, along, is_curved, length

_FARTHEST = 2.5  # standard deviations; beyond, a draw is taken back to there
_ROOM = 0.02  # kept free at the border of the frame, besides half a pen


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """Standard deviations from one drawing of a character to another.

    The size of a drawing is the longer side of its box.
    """

    affine: NDArray[np.float64]  # [6, 6] covariance: matrix less the identity by rows, shift / size
    shift: float  # of a stroke, per axis, in sizes of the drawing
    turn: float  # of a stroke, radians
    scale: float  # of a stroke, of the logarithm
    # [2, B] of the coefficients of cos(pi k t), k = 1..B, in stroke lengths: straight, curved
    bend: NDArray[np.float64]
    gap: float  # between strokes that touched, per axis, in sizes of the drawing
    strength: float = 1.0  # by which all of them were multiplied

    def scaled(self, strength: float) -> Variation:
        """All deviations times `strength`."""
        return Variation(
            affine=self.affine * strength**2,
            shift=self.shift * strength,
            turn=self.turn * strength,
            scale=self.scale * strength,
            bend=self.bend * strength,
            gap=self.gap * strength,
            strength=self.strength * strength,
        )


def measured() -> Variation:
    """As measured on pen strokes of background characters by `experiments/pen.py`."""
    content = resources.files("holotype.domains.strokes").joinpath("variation.json").read_text()
    facts = json.loads(content)
    deviations = facts["deviations"]
    return Variation(
        affine=np.array(deviations["affine"]),
        shift=deviations["shift"],
        turn=deviations["turn"],
        scale=deviations["scale"],
        bend=np.array(deviations["bend"]),
        gap=deviations["gap"],
    ).scaled(facts["strength"])


def vary(drawing: Drawing, variation: Variation, rng: np.random.Generator) -> Drawing:
    """Another drawing of the same character, inside the same frame."""
    center, size = drawing.frame()
    strokes = [_redrawn(stroke, size, variation, rng) for stroke in drawing.strokes]
    strokes = _tied(strokes, drawing.ties, variation.gap * size, rng)
    change = _normal(rng, 6) @ _root(variation.affine).T
    matrix, shift = np.eye(2) + change[:4].reshape(2, 2), change[4:] * size
    strokes = [(stroke - center) @ matrix.T + center + shift for stroke in strokes]
    return _framed(replace(drawing, strokes=tuple(strokes)))


def _redrawn(stroke: Points, size: float, variation: Variation, rng: np.random.Generator) -> Points:
    """One stroke in another place, direction, size and shape."""
    shift = variation.shift * size * _normal(rng, 2)
    angle, scale = variation.turn * _normal(rng, 1)[0], np.exp(variation.scale * _normal(rng, 1)[0])
    deviations = variation.bend[int(is_curved(stroke))]
    waves = np.cos(np.pi * np.outer(along(stroke), np.arange(1, len(deviations) + 1)))
    bend = waves @ (deviations[:, None] * _normal(rng, len(deviations), 2))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    center = stroke.mean(0)
    turned = (stroke - center) @ np.array([[cos, sin], [-sin, cos]])
    return np.asarray(turned + center + shift + bend * length(stroke), dtype=np.float64)


def _tied(
    strokes: list[Points], ties: tuple[Tie, ...], gap: float, rng: np.random.Generator
) -> list[Points]:
    """Bring strokes that touched together again: the longest stays, the others come to it."""
    visits: dict[int, list[tuple[int, int]]] = {}  # stroke -> (tie, point)
    for number, touching in enumerate(ties):
        for stroke, point in touching.visits:
            visits.setdefault(stroke, []).append((number, point))
    place: dict[int, Points] = {}  # tie -> where it is
    result = list(strokes)
    for stroke in sorted(visits, key=lambda index: -length(strokes[index])):
        points, met = strokes[stroke], visits[stroke]
        new = {tie for tie, _ in met} - place.keys()
        for tie in new:
            place[tie] = np.mean([points[point] for other, point in met if other == tie], axis=0)
        at = along(points)
        pulls: dict[float, Points] = {}  # how far along the stroke -> by how much it has to move
        for tie, point in met:
            missed = np.zeros(2) if tie in new else gap * _normal(rng, 2)
            pulls[float(at[point])] = place[tie] + missed - points[point]
        where = sorted(pulls)
        pull = np.array([pulls[key] for key in where])
        # Between two ties the pull goes over from the one to the other, evenly.
        moved = np.stack([np.interp(at, where, pull[:, axis]) for axis in (0, 1)], 1)
        result[stroke] = points + moved
    return result


def _framed(drawing: Drawing) -> Drawing:
    """Moved into the frame, and made smaller where it is larger than that."""
    center, size = drawing.frame()
    room = 1 - 2 * _ROOM - max(drawing.widths)
    scale = min(1.0, room / size)
    points = np.concatenate(drawing.strokes)
    half = (points.max(0) - points.min(0)) / 2 * scale
    edge = (1 - room) / 2
    target = np.clip(center, edge + half, 1 - edge - half)
    return replace(
        drawing,
        strokes=tuple((stroke - center) * scale + target for stroke in drawing.strokes),
    )


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    return np.clip(rng.standard_normal(shape), -_FARTHEST, _FARTHEST)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """R with R R^T = covariance, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)), dtype=np.float64)
