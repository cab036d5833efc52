"""Imagining pictures: seeded, from any picture of ink, and clear about what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from holotype.domains.strokes.strokes import imagine
from holotype.errors import DataError, ImageError
from toy_packs import toy_drawing


def test_pictures_are_seeded_and_differ() -> None:
    found = imagine(toy_drawing(1), 4, seed=3)
    assert found.shape == (4, 105, 105)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, imagine(toy_drawing(1), 4, seed=3))
    assert (found[0] != found[1]).any()
    assert (found[0] != imagine(toy_drawing(1), 1, seed=4)[0]).any()


def test_the_first_are_the_same_for_any_count() -> None:
    few, many = imagine(toy_drawing(1), 2), imagine(toy_drawing(1), 5)
    np.testing.assert_array_equal(few, many[:2])


def test_white_on_black_reads_like_black_on_white() -> None:
    drawing = toy_drawing(2)
    np.testing.assert_array_equal(imagine(drawing, 2), imagine(255 - drawing, 2))


def test_every_picture_has_ink_on_paper() -> None:
    for character in range(10):
        for picture in imagine(toy_drawing(character), 3):
            assert picture[0, 0] == 255
            assert 0.002 < (picture < 128).mean() < 0.5


@pytest.mark.parametrize(
    "pixels",
    [np.eye(30), np.pad(np.ones((1, 1)), 20), np.pad(np.ones((30, 30)), 4)],
    ids=["diagonal", "pixel", "block"],
)
def test_odd_ink_is_drawn_too(pixels: np.ndarray) -> None:
    assert imagine((255 * (1 - pixels)).astype(np.uint8), 2).shape == (2, 105, 105)


def test_a_blank_has_nothing_to_imagine_from() -> None:
    with pytest.raises(ImageError, match="no contrast"):
        imagine(np.full((40, 40), 255, np.uint8), 1)


@pytest.mark.parametrize("count", [0, -1, 1_000_000])
def test_counts_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(DataError, match=f"count={count} is outside 1..10000"):
        imagine(toy_drawing(1), count)
