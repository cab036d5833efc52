"""The riddle of nine drawings, which an experiment makes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from holotype.domains.strokes.sheets import CELL_PX
from toy_packs import toy_drawing

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
import riddle as riddles


def test_the_riddle_tells_which_are_real() -> None:
    real, imagined = np.zeros((3, 40, 40), np.uint8), np.full((6, 40, 40), 255, np.uint8)
    for seed in range(5):
        sheet, answer = riddles.riddle_sheet(real[0], real, imagined, seed)
        assert len(answer) == 3
        dark = [
            np.asarray(_cell(sheet, number).convert("L")).mean() < 100 for number in range(1, 10)
        ]
        assert tuple(np.flatnonzero(dark) + 1) == answer
    assert answer != riddles.riddle_sheet(real[0], real, imagined, 99)[1]


def _cell(sheet, number: int):  # type: ignore[no-untyped-def]
    large = round(1.5 * CELL_PX)
    row, column = divmod(number - 1, 3)
    left = 12 + column * (large + 12)
    top = 2 * CELL_PX + 12 + 36 + row * (large + 30)
    return sheet.crop((left + 10, top + 10, left + large - 10, top + large - 10))


def test_a_riddle_from_pictures_alone() -> None:
    sheet, answer = riddles.riddle([toy_drawing(1, drawer) for drawer in range(5)], seed=2)
    again, _ = riddles.riddle([toy_drawing(1, drawer) for drawer in range(5)], seed=2)
    assert len(answer) == 4
    np.testing.assert_array_equal(np.asarray(sheet), np.asarray(again))
