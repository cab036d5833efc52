"""Faces are found from coarse to fine, and framed in pixels of the picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from holotype.domains.faces.boxes import overlap
from holotype.domains.faces.finding import _sides, find, turned_by
from toy_faces import rgb, toy_face


def scene(*faces: tuple[int, int, int], size: tuple[int, int] = (1200, 700)) -> np.ndarray:
    """Faces (side of the drawing, left, top) on grey ground of (width, height)."""
    ground = np.full((size[1], size[0]), 200, dtype=np.uint8)
    for side, left, top in faces:
        ground[top : top + side, left : left + side] = toy_face(side)
    return rgb(ground)


@pytest.mark.parametrize("side", [120, 300, 640])
def test_a_face_is_framed_where_it_is(side: int) -> None:
    (face,) = find(scene((side, 100, 30)))
    # The drawing's brows, chin and ears, in its 200ths.
    left, top, right, bottom = (round(c * side / 200) for c in (52, 63, 152, 163))
    expected = (left + 100, top + 30, right + 100, bottom + 30)
    assert overlap(face.box, expected) > 0.6
    assert face.chip.shape == (150, 150, 3)
    eyes = [face.points[:2].mean(axis=0), face.points[2:4].mean(axis=0)]
    assert eyes[0][0] > eyes[1][0]  # first the eye on the right of the picture
    np.testing.assert_allclose(
        eyes[0] - (100, 30), np.array([122, 90]) * side / 200, atol=side / 20
    )


def test_the_chip_is_the_face_upright_whatever_its_size() -> None:
    chips = [find(scene((side, 60, 20)))[0].chip.astype(float) for side in (200, 500)]
    assert np.abs(chips[0] - chips[1]).mean() < 12


def test_the_search_ends_with_the_largest_unless_everybody_is_asked_for() -> None:
    pixels = scene((600, 50, 50), (130, 900, 300))
    assert [face.width_px > 200 for face in find(pixels)] == [True]
    widths = [face.width_px for face in find(pixels, everywhere=True)]
    assert len(widths) == 2
    assert widths == sorted(widths, reverse=True)


def test_nothing_is_found_where_nobody_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    for pixels in (noise, np.full((50, 60, 3), 128, np.uint8), np.zeros((8, 300, 3), np.uint8)):
        assert find(pixels) == []
        assert turned_by(pixels) is None


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_says_how_it_is_turned_back(turns: int) -> None:
    pixels = np.ascontiguousarray(np.rot90(scene((300, 50, 50), size=(500, 400)), turns))
    assert find(pixels) == []
    assert turned_by(pixels) == (360 - 90 * turns) % 360


@pytest.mark.parametrize("longer", [8, 112, 640, 1280, 1920, 6000])
def test_each_search_is_twice_as_fine_as_the_one_before(longer: int) -> None:
    sides = _sides(longer)
    assert sides[0] <= 640
    assert sides[-1] == round(min(2560, 2.6 * longer))
    assert all(abs(fine - 2 * coarse) <= 1 for coarse, fine in pairwise(sides))
