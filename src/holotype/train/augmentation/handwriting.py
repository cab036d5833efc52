"""How one hand lays out a name in characters, from day to day, and how another would copy it.

A layout is what makes a row of drawn characters a signature: their sizes and places, the slant,
the lines that join them, a flourish. What the name's owner chose is common to all who write it;
every hand departs from that by a draw of its own, and every day of a hand by a smaller one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Layout = dict[str, NDArray[np.float64]]

BEND, SWAY, TREMOR = (2, 4, 4), (2, 4, 7), (2, 9, 24)  # coarse fields of displacement: x and y
_FLOURISH_POINTS = 5
_PRACTICED = 1.5  # times the usual distance, where even the drawings are the owner's
_TREMOR = 0.004  # standard deviation between hands, in half heights of the picture
_SLOW = 0.006  # the tremor of who draws what others write

# Standard deviations between hands that write the same, and between the days of one hand.
_SPREADS: dict[str, tuple[float, float]] = {
    "size": (0.08, 0.065),  # logarithm of a character's size
    "x_px": (1.5, 1.3),
    "y_px": (1.5, 1.3),
    "turn": (0.08, 0.065),  # of a character, radians
    "sag_px": (1.5, 1.5),  # of the line from a character to the next
    "bend": (0.075, 0.055),  # of a character's strokes, in half sides of its frame
    "sway": (0.04, 0.04),  # of all strokes, in half heights of the picture
    "slant": (0.07, 0.06),  # shear of the whole
    "slope": (0.04, 0.03),  # of the line, radians
    "stretch": (0.07, 0.065),  # logarithm of width over height
    "flourish": (0.04, 0.04),  # in widths and heights of the name
}


@dataclass(frozen=True, slots=True)
class Hand:
    """Whose signature it is, which is what makes a class."""

    seed: tuple[int, ...]  # of the data set and of the name: all who write the name share it
    number: int  # 0 is the owner of the name
    practiced: bool  # writes with the owner's own drawings


def laid_out(hand: Hand, characters: int, day: int) -> Layout:
    """The layout of one signature, a function of its arguments.

    Returns:
        For `characters` = n: `size`, `x_px`, `y_px`, `turn`, `gap` (room before the next
        character, in frames) [n]; `joined` (1 or 0) and `sag_px` [n - 1]; `bend` [n, 2, 4, 4];
        `sway` [2, 4, 7]; `tremor` [2, 9, 24]; `slant`, `slope`, `stretch`, `flourished` (1 or 0)
        []; `flourish` [5, 2].
    """
    layout = _common(np.random.default_rng(hand.seed), characters)
    own = np.random.default_rng((*hand.seed, 1 + hand.number))
    tremor = max(0.0, own.normal(_SLOW if hand.practiced else 0.0, _TREMOR))
    if hand.number:
        _depart(layout, own, _PRACTICED if hand.practiced else 1.0, 0)
    today = np.random.default_rng((*hand.seed, 1 + hand.number, day))
    _depart(layout, today, float(np.exp(today.normal(0, 0.3))), 1)
    layout["tremor"] = tremor * today.normal(size=TREMOR)
    return layout


def _common(rng: np.random.Generator, n: int) -> Layout:
    """As the owner of the name means it."""
    size = rng.normal(np.log(0.85), 0.15, n)
    size[0] += np.log(rng.uniform(1.0, 1.5))
    across = np.sort(rng.uniform(-0.2, 1.25, _FLOURISH_POINTS))[:: rng.choice([-1, 1])]
    return {
        "size": size,
        "x_px": np.zeros(n),
        "y_px": rng.normal(0, 2.0, n),
        "turn": np.zeros(n),
        "gap": rng.uniform(-0.25, 0.12, n) + rng.uniform(-0.1, 0.1),
        "joined": (rng.random(n - 1) < rng.uniform(0.2, 1.0)).astype(np.float64),
        "sag_px": rng.normal(0, 4.0, n - 1),
        "bend": np.zeros((n, *BEND)),
        "sway": np.zeros(SWAY),
        "slant": rng.normal(0, 0.2, ()),
        "slope": rng.normal(0, 0.06, ()),
        "stretch": rng.normal(0, 0.12, ()),
        "flourished": np.asarray(rng.random() < 0.4, np.float64),
        "flourish": np.stack(
            [across, rng.uniform(-0.6, 0.6) + rng.normal(0, 0.15, _FLOURISH_POINTS)], 1
        ),
    }


def _depart(layout: Layout, rng: np.random.Generator, amount: float, which: int) -> None:
    for name, spread in _SPREADS.items():
        layout[name] = layout[name] + rng.normal(0, amount * spread[which], layout[name].shape)
