from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import DataError
from holotype.evaluation.galleries import draw_galleries, usual_shots


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 8), min_size=4, max_size=12).filter(
        lambda sizes: sum(size > 2 for size in sizes) >= 2
    ),
    seed=st.integers(0, 2**64 - 1),
)
def test_no_class_and_no_picture_has_two_roles(sizes: list[int], seed: int) -> None:
    class_index = np.repeat(np.arange(len(sizes)), sizes)
    drawn = draw_galleries(class_index, k_shot=1, reserved=2, galleries=7, seed=seed)
    able = sum(size > 2 for size in sizes)
    assert drawn.enrolled.shape == (7, min(able, max(2, len(sizes) // 2)))
    for classes, support, reserved in zip(
        drawn.enrolled, drawn.support, drawn.reserved, strict=True
    ):
        assert len(set(classes.tolist())) == len(classes)
        assert (class_index[support] == classes[:, None]).all()
        assert (class_index[reserved] == classes[:, None]).all()
        assert len(set(reserved.ravel().tolist())) == reserved.size
        assert (reserved[:, :1] == support).all()
        # Somebody is left to be a probe of each, and somebody is a stranger.
        assert (np.bincount(class_index)[classes] > 2).all()
        assert len(classes) < len(sizes)


def test_more_examples_change_neither_the_classes_nor_the_probes() -> None:
    class_index = np.repeat(np.arange(9), 8)
    one, five = (
        draw_galleries(class_index, k_shot=k, reserved=5, galleries=4, seed=3) for k in (1, 5)
    )
    assert np.array_equal(one.enrolled, five.enrolled)
    assert np.array_equal(one.reserved, five.reserved)
    assert np.array_equal(one.support[:, :, 0], five.support[:, :, 0])
    longer = draw_galleries(class_index, k_shot=5, reserved=5, galleries=6, seed=3)
    assert np.array_equal(longer.support[:4], five.support)


def test_the_draw_is_pinned() -> None:
    """A change here changes every published figure."""
    drawn = draw_galleries(np.repeat(np.arange(6), 3), galleries=2, seed=2024)
    assert drawn.enrolled.tolist() == [[4, 0, 5], [2, 0, 1]]
    assert drawn.support[:, :, 0].tolist() == [[14, 1, 17], [7, 0, 5]]


def test_every_class_gets_both_roles_about_equally_often() -> None:
    drawn = draw_galleries(np.repeat(np.arange(10), 4), galleries=400, seed=1)
    often = np.bincount(drawn.enrolled.ravel(), minlength=10)
    assert often.min() > 150
    assert often.max() < 250


def test_a_class_of_one_picture_is_only_ever_a_stranger() -> None:
    class_index = np.array([0, 1, 1, 2, 2, 3])
    drawn = draw_galleries(class_index, galleries=20)
    assert set(drawn.enrolled.ravel().tolist()) == {1, 2}


@pytest.mark.parametrize(
    ("sizes", "options", "problem"),
    [
        ([5], {}, "at least 3 classes, 2 to enroll and 1 stranger; there is 1"),
        ([5, 5], {}, "there are 2"),
        ([5], {"enrolled": 1}, "there is 1"),
        ([1, 1, 1, 5], {}, "need at least 2 pictures each (1 to enroll and 1 probe); 1 of 4"),
        ([3, 3, 3, 3], {"k_shot": 3}, "need at least 4 pictures each (3 to enroll and 1 probe)"),
        ([3, 3, 3], {"enrolled": 3}, "enrolled=3 leaves no stranger among 3 classes"),
        ([3, 3, 3], {"enrolled": 9}, "9 enrolled classes need at least 2 pictures"),
        ([3, 3, 3], {"enrolled": 0}, "enrolled=0 is below 1"),
        ([3, 3, 3], {"k_shot": 0}, "k_shot=0 is below 1"),
        ([3, 3, 3], {"k_shot": 2, "reserved": 1}, "reserved=1 is below 2"),
        ([3, 3, 3], {"galleries": 0}, "galleries=0 is below 1"),
        ([3, 3, 3], {"seed": -1}, "seed=-1 is outside"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_remedy(
    sizes: list[int], options: dict[str, int], problem: str
) -> None:
    with pytest.raises(DataError) as caught:
        draw_galleries(np.repeat(np.arange(len(sizes)), sizes), **options)
    assert problem in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("sizes", "shots"),
    [
        ([20] * 6, (1, 2, 5)),
        ([3] * 6, (1, 2)),
        ([2] * 6, (1,)),
        ([1] * 6, (1,)),
        ([9, 9, 9, 2], (1, 2, 5)),
        ([9, 9, 2, 2], (1,)),
    ],
)
def test_as_many_examples_are_compared_as_the_pictures_allow(
    sizes: list[int], shots: tuple[int, ...]
) -> None:
    assert usual_shots(np.repeat(np.arange(len(sizes)), sizes)) == shots
