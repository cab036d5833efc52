from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.errors import DataError
from holotype.evaluation import episodes as module
from holotype.evaluation.episodes import episodes, sample
from holotype.records import EpisodeIndex


def toy(sizes: Sequence[int], group: Sequence[str] | None = None) -> Dataset:
    """Classes of these sizes, their pictures interleaved; picture i is the number i."""
    class_index = np.concatenate([np.full(size, index) for index, size in enumerate(sizes)])
    turn = np.concatenate([np.arange(size) for size in sizes])
    class_index = class_index[np.argsort(turn, kind="stable")]
    return Dataset(
        name="toy",
        images=np.arange(len(class_index)),
        class_index=class_index,
        class_names=tuple(f"c{index}" for index in range(len(sizes))),
        group=tuple(group or [""] * len(sizes)),
        drawer=None,
        license="",
        source="",
    )


def same(first: EpisodeIndex, second: EpisodeIndex) -> bool:
    return all(
        np.array_equal(getattr(first, field.name), getattr(second, field.name))
        for field in fields(EpisodeIndex)
    )


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(4, 12), min_size=3, max_size=8),
    n_way=st.integers(1, 3),
    k_shot=st.integers(1, 2),
    n_query=st.integers(1, 2),
    seed=st.integers(0, 2**64 - 1),
)
def test_every_episode_is_a_fair_task(
    sizes: list[int], n_way: int, k_shot: int, n_query: int, seed: int
) -> None:
    dataset = toy(sizes)
    index = sample(dataset, n_way, k_shot, n_query, episodes=7, seed=seed)
    assert index.support.shape == (7, n_way, k_shot)
    assert index.query.shape == index.query_class.shape == (7, n_way * n_query)
    for row in range(7):
        assert len(set(index.class_id[row])) == n_way
        # The label of each picture is its class in the data set, in the support and the queries.
        expected = np.repeat(index.class_id[row][:, None], k_shot, axis=1)
        np.testing.assert_array_equal(dataset.class_index[index.support[row]], expected)
        np.testing.assert_array_equal(
            dataset.class_index[index.query[row]], index.class_id[row][index.query_class[row]]
        )
        assert np.bincount(index.query_class[row]).tolist() == [n_query] * n_way
        pictures = [*index.support[row].ravel(), *index.query[row]]
        assert len(set(pictures)) == len(pictures)


def test_the_numbers_stay_the_same() -> None:
    index = sample(toy([6, 9, 7, 8]), n_way=2, k_shot=1, n_query=2, episodes=2, seed=2024)
    assert index.class_id.tolist() == [[2, 3], [1, 0]]
    assert index.support[:, :, 0].tolist() == [[22, 15], [1, 20]]
    assert index.query.tolist() == [[3, 2, 11, 18], [8, 27, 17, 4]]
    assert index.query_class.tolist() == [[1, 0, 1, 0], [1, 0, 0, 1]]


def test_the_seed_decides() -> None:
    dataset = toy([20] * 9)
    first = sample(dataset, 5, 1, 3, episodes=50, seed=1)
    assert same(first, sample(dataset, 5, 1, 3, episodes=50, seed=1))
    assert not same(first, sample(dataset, 5, 1, 3, episodes=50, seed=2))


def test_a_longer_draw_begins_with_the_shorter_one(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = toy([20] * 9)
    long = sample(dataset, 5, 1, 3, episodes=30, seed=1)
    monkeypatch.setattr(module, "_TABLE_ENTRIES", 700)  # seven episodes at a time
    chunked = sample(dataset, 5, 1, 3, episodes=30, seed=1)
    assert same(long, chunked)
    short = sample(dataset, 5, 1, 3, episodes=11, seed=1)
    np.testing.assert_array_equal(long.query[:11], short.query)


def test_classes_examples_and_query_order_are_uniform() -> None:
    count, dataset = 6000, toy([5, 10, 20, 5])
    index = sample(dataset, 2, 1, 1, episodes=count, seed=3)
    by_class = np.bincount(index.class_id.ravel(), minlength=4) / (2 * count)
    np.testing.assert_allclose(by_class, 0.25, atol=0.02)
    # Within class 2 each of its 20 pictures is as likely as any other.
    shown = index.support[index.class_id == 2].ravel()
    seen = np.unique(shown, return_counts=True)[1] / len(shown)
    assert len(seen) == 20
    np.testing.assert_allclose(seen, 0.05, atol=0.02)
    assert abs(index.query_class[:, 0].mean() - 0.5) < 0.03


def test_within_a_group_the_group_is_drawn_first() -> None:
    group = ["a"] * 2 + ["b"] * 6 + ["c"] * 3 + [""] * 4
    index = sample(toy([4] * 15, group), 3, 1, 1, episodes=4000, seed=0, within_group=True)
    groups = [{group[class_id] for class_id in row} for row in index.class_id]
    assert all(len(found) == 1 for found in groups)
    assert {next(iter(found)) for found in groups} == {"b", "c"}  # "a" is too small
    assert abs(np.mean([found == {"b"} for found in groups]) - 0.5) < 0.03
    members = np.bincount(index.class_id.ravel(), minlength=15)
    np.testing.assert_allclose(members[2:8] / members[2:8].sum(), 1 / 6, atol=0.01)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 1, 1, 1, 0), "n_way=0 is below 1"),
        ((1, 0, 1, 1, 0), "k_shot=0 is below 1"),
        ((1, 1, -2, 1, 0), "n_query=-2 is below 1"),
        ((1, 1, 1, 0, 0), "episodes=0 is below 1"),
        ((4, 1, 1, 1, 0), "n_way=4 needs 4 classes; 'toy' has 3"),
        ((2, 3, 3, 1, 0), "need 6 examples per class; 'c1' of 'toy' has 5"),
        ((2, 1, 1, 1, -1), "seed=-1 is outside"),
        ((2, 1, 1, 1, 0, True), "the classes of 'toy' belong to no alphabets"),
    ],
)
def test_what_cannot_be_drawn_is_refused(numbers: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        sample(toy([6, 5, 7]), *numbers)  # type: ignore[arg-type]


def test_an_alphabet_that_is_too_small_is_named() -> None:
    with pytest.raises(DataError, match="the largest of 'toy' has 2"):
        sample(toy([4] * 3, ["a", "a", "b"]), 3, 1, 1, episodes=1, seed=0, within_group=True)


def test_episodes_carry_the_pictures_of_the_index() -> None:
    dataset = toy([6, 7, 8])
    index = sample(dataset, 2, 3, 1, episodes=4, seed=9)
    pictures = np.arange(21)[:, None, None] * np.ones((1, 2, 2))
    drawn = list(episodes(pictures, index))
    assert len(drawn) == 4
    for row, episode in enumerate(drawn):
        assert (episode.n_way, episode.k_shot, episode.support.shape) == (2, 3, (2, 3, 2, 2))
        np.testing.assert_array_equal(episode.support[..., 0, 0], index.support[row])
        np.testing.assert_array_equal(episode.query[..., 1, 1], index.query[row])
        np.testing.assert_array_equal(episode.query_class, index.query_class[row])
        np.testing.assert_array_equal(episode.class_id, index.class_id[row])


def test_packed_drawings_serve_as_they_are() -> None:
    dataset = load_dataset("sample")
    index = sample(dataset, 5, 1, 2, episodes=1, seed=0, within_group=True)
    (episode,) = episodes(dataset.images, index)
    assert episode.query.shape == (10, 105, 105)
    np.testing.assert_array_equal(episode.query[3], dataset.images[int(index.query[0, 3])])


def test_pictures_that_do_not_fit_the_index_are_refused() -> None:
    index = sample(toy([6, 7, 8]), 2, 1, 1, episodes=200, seed=0)
    with pytest.raises(DataError, match="these images are files"):
        episodes(("a.png",), index)
    with pytest.raises(DataError, match="refer to picture 20; there are 5"):
        episodes(np.zeros((5, 2, 2)), index)
