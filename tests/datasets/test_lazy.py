from __future__ import annotations

import numpy as np
import pytest

from holotype.datasets.lazy import PackedDrawings, TurnedPictures, require_square, select, turn
from holotype.errors import DataError


@pytest.fixture
def ink() -> np.ndarray:
    return np.random.default_rng(0).random((6, 5, 5)) < 0.3


@pytest.fixture
def packed(ink: np.ndarray) -> PackedDrawings:
    return PackedDrawings(np.packbits(ink.reshape(6, 25), axis=1), 5)


def test_packed_drawings_read_like_the_array_they_hold(
    ink: np.ndarray, packed: PackedDrawings
) -> None:
    plain = np.where(ink, 0, 255)
    assert packed[:].dtype == np.uint8
    assert packed.shape == plain.shape
    assert len(packed) == 6
    for index in (2, slice(1, 4), np.array([3, 0, 3]), np.array([[0, 1], [5, 4]])):
        np.testing.assert_array_equal(packed[index], plain[index])
    np.testing.assert_array_equal(packed.select(np.array([4, 1]))[:], plain[[4, 1]])


def test_turns_are_counterclockwise() -> None:
    picture = np.array([[1, 2], [3, 4]])
    turned = turn(np.stack([picture] * 4), np.arange(4))
    np.testing.assert_array_equal(turned[1], [[2, 4], [1, 3]])
    np.testing.assert_array_equal(turned, [np.rot90(picture, turns) for turns in range(4)])


def test_turned_pictures_are_made_when_asked_for(ink: np.ndarray, packed: PackedDrawings) -> None:
    picture, turns = np.array([5, 0, 0, 2]), np.array([0, 1, 2, 3])
    plain = np.where(ink, 0, 255)
    expected = np.stack([np.rot90(plain[p], t) for p, t in zip(picture, turns, strict=True)])
    for base in (packed, plain):
        turned = TurnedPictures(base, picture, turns)
        assert len(turned) == 4
        for index in (1, slice(None), np.array([[3, 2], [1, 0]])):
            np.testing.assert_array_equal(turned[index], expected[index])
        np.testing.assert_array_equal(turned.select(np.array([2]))[:], expected[[2]])


def test_turning_leaves_the_base_as_it_is() -> None:
    base = np.arange(8.0).reshape(2, 1, 2, 2)
    TurnedPictures(base, np.array([1]), np.array([1]))[0][:] = -1
    TurnedPictures(base, np.array([1]), np.array([0]))[:][:] = -1
    np.testing.assert_array_equal(base.ravel(), np.arange(8.0))


def test_paths_stay_paths() -> None:
    assert select(("a", "b", "c"), np.array([2, 0])) == ("c", "a")


@pytest.mark.parametrize("pictures", [("a.png",), np.zeros((3, 4, 5))])
def test_what_is_not_square_cannot_be_turned(pictures: object) -> None:
    with pytest.raises(DataError, match="quarter turns need square arrays"):
        require_square(pictures, "x")  # type: ignore[arg-type]
