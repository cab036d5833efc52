"""More background where there is little: turned over, drawn again, and characters nobody drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from holotype.domains.strokes.drawing import Drawing, Points, Tie, along, length, resample
from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.tracing import trace
from holotype.domains.strokes.variation import measured, vary
from holotype.records import OnProgress

_TRACED = 4  # drawings of each character whose strokes are read
_POINTS = 24  # of a stroke that is made of two
_CUT = (0.3, 0.7)  # where, in shares of the stroke, the one ends and the other goes on
_INK = 128  # darker is ink

Inks = NDArray[np.bool_]  # [M, S, S]
Integers = NDArray[np.int64]  # [M]


@dataclass(frozen=True, slots=True)
class Filling:
    """What is added to a background of drawings before anything learns from it."""

    mirrored: bool = False  # each character's mirror image is a character too
    redrawn: int = 0  # drawings of each character by the pen, beside its own
    invented: int = 0  # characters for each character, of strokes of several (see `invent`)

    def __call__(
        self,
        drawings: Inks,
        class_index: Integers,
        seed: int,
        preparing: OnProgress | None = None,
    ) -> tuple[Inks, Integers]:
        """The background and what is added to it, as a function of the seed.

        Args:
            drawings: bool [M, S, S], ink.
            class_index: int64 [M] in 0..C-1, each of which occurs.
            seed: of everything that is drawn.
            preparing: called while strokes are read and drawn.

        Returns:
            Drawings and their classes; those that were there come first, as they were.
        """
        classes, side_px = int(class_index.max()) + 1, drawings.shape[1]
        found, owner = [drawings], [class_index]
        if self.mirrored:
            found.append(drawings[:, :, ::-1])
            owner.append(class_index + classes)
        if not (self.redrawn or self.invented):
            return np.concatenate(found), np.concatenate(owner)
        traced = _traced(drawings, class_index, seed, preparing)
        # Whose drawings the pen varies, how often, and the class that they are of.
        plans = [(of_class, self.redrawn, index) for index, of_class in enumerate(traced)]
        every = list(chain.from_iterable(traced))
        first = int(owner[-1].max()) + 1
        for index in range(first, first + classes * self.invented):
            plan = invent(every, np.random.default_rng((seed, 1, index)))
            plans.append(([plan], len(drawings) // classes, index))
        for done, (of_class, count, index) in enumerate(plans):
            rng = np.random.default_rng((seed, 2, index))
            for at in range(count):
                drawn = vary(of_class[at % len(of_class)], measured(), rng)
                found.append(render(drawn, side_px)[None] < _INK)
            owner.append(np.full(count, index, dtype=np.int64))
            if preparing:
                preparing("drawing more characters", done + 1, len(plans))
        return np.concatenate(found), np.concatenate(owner)


def _traced(
    drawings: Inks, class_index: Integers, seed: int, preparing: OnProgress | None
) -> list[list[Drawing]]:
    """The strokes of some drawings of each class."""
    rng, classes = np.random.default_rng((seed, 0)), int(class_index.max()) + 1
    result = []
    for index in range(classes):
        rows = rng.permutation(np.flatnonzero(class_index == index))[:_TRACED]
        result.append([trace(drawings[row].astype(np.float32)) for row in rows])
        if preparing:
            preparing("reading the strokes of the background", index + 1, classes)
    return result


def invent(drawings: Sequence[Drawing], rng: np.random.Generator) -> Drawing:
    """A character that nobody drew.

    As in Bayesian Program Learning (Lake et al. 2015, figure 3A), a character is a number of
    strokes, the parts that they are made of, and where they touch. Number, places, lengths and
    touches are here those of one drawing; each stroke begins as a stroke of a second drawing and
    ends as one of a third.

    Args:
        drawings: of many characters, some of them of several strokes.
        rng: decides everything.

    Returns:
        Its plan; `vary` draws examples of it.
    """
    # One stroke alone would be one of very few characters: a line, a bow, a hook.
    composed = [drawing for drawing in drawings if len(drawing.strokes) > 1] or drawings
    plan = composed[int(rng.integers(len(composed)))]
    lines = [stroke for drawing in drawings for stroke in drawing.strokes if length(stroke) > 0]
    strokes = tuple(_reshaped(stroke, lines, rng) for stroke in plan.strokes)
    ties = tuple(
        Tie(
            tuple(
                (at, _same_share(point, plan.strokes[at], strokes[at])) for at, point in tie.visits
            )
        )
        for tie in plan.ties
    )
    # Drawn without variation, what has to touch is brought together.
    return vary(replace(plan, strokes=strokes, ties=ties), measured().scaled(0), rng)


def _reshaped(stroke: Points, lines: Sequence[Points], rng: np.random.Generator) -> Points:
    """A stroke of another shape, as long and at the same place; a dot stays a dot."""
    if not length(stroke) > 0:
        return stroke
    head, tail = (
        resample(line, _POINTS) / length(line)
        for line in (lines[at] for at in rng.integers(len(lines), size=2))
    )
    cut = round(rng.uniform(*_CUT) * _POINTS)
    shape = np.concatenate([head[:cut], tail[cut:] + head[cut] - tail[cut]])
    shape *= length(stroke) / length(shape)
    return np.asarray(shape - shape.mean(0) + stroke.mean(0), dtype=np.float64)


def _same_share(point: int, before: Points, after: Points) -> int:
    """The point that is as far along its stroke as another point was along another stroke."""
    return round(float(along(before)[point]) * (len(after) - 1))
