from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import (
    ALPHABETS,
    SPLITS,
    VINYALS_FOLDER,
    VINYALS_SIZES,
    random_split,
    rotated,
    split,
    vinyals_classes,
)
from holotype.errors import DataError


def toy(classes: int, side: int = 3) -> Dataset:
    """Two pictures per class; the pixels of a picture tell which one it is."""
    count = 2 * classes
    return Dataset(
        name="toy",
        images=np.arange(count * side * side).reshape(count, side, side),
        class_index=np.tile(np.arange(classes), 2),
        class_names=tuple(f"c{index}" for index in range(classes)),
        group=("",) * classes,
        drawer=np.repeat([1, 2], classes),
        license="",
        source="",
    )


def test_alphabets_of_the_splits_are_disjoint() -> None:
    parts = {name: set(alphabets) for name, alphabets in ALPHABETS.items()}
    assert all(len(parts[name]) == len(ALPHABETS[name]) for name in parts)
    assert parts["training"] | parts["selection"] | parts["cohort"] == parts["background"]
    assert (len(parts["training"]), len(parts["selection"]), len(parts["cohort"])) == (21, 5, 4)
    assert (len(parts["background"]), len(parts["evaluation"])) == (30, 20)
    assert not parts["background"] & parts["evaluation"]
    assert parts["small1"] <= parts["background"]
    assert parts["small2"] <= parts["background"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("background", 964),
        ("evaluation", 659),
        ("small1", 136),
        ("small2", 156),
        ("training", 656),
        ("selection", 155),
        ("cohort", 153),
        ("vinyals-train", 4112),
        ("vinyals-val", 688),
        ("vinyals-test", 1692),
    ],
)
def test_splits_have_their_published_sizes(name: str, classes: int) -> None:
    part = split(load_dataset("omniglot"), name)
    assert len(part.class_names) == len(set(part.class_names)) == classes
    assert np.bincount(part.class_index).tolist() == [20] * classes
    assert part.images[0].shape == (105, 105)


@pytest.mark.data
def test_lake_s_two_parts_are_those_of_the_archives(data_dir: Path) -> None:
    with np.load(data_dir / "omniglot_105_bits.npz") as stored:
        names = [str(name) for name in stored["class_names"]]
    omniglot = load_dataset("omniglot")
    for part in ("background", "evaluation"):
        expected = [n.split("/", 1)[1] for n in names if n.startswith(f"images_{part}/")]
        assert list(split(omniglot, part).class_names) == expected


@pytest.mark.data
def test_the_parts_of_the_vinyals_split_share_no_character() -> None:
    omniglot = load_dataset("omniglot")
    parts = [split(omniglot, f"vinyals-{part}").class_names for part in VINYALS_SIZES]
    characters = [{name.rsplit("/", 1)[0] for name in part} for part in parts]
    assert [len(part) for part in characters] == [1028, 172, 423]
    assert len(set.union(*characters)) == 1623


@pytest.mark.data
def test_a_rotated_character_of_the_vinyals_split_is_that_character() -> None:
    omniglot = load_dataset("omniglot")
    part = split(omniglot, "vinyals-test")
    index = part.class_names.index("Gurmukhi/character42/rot090")
    original = omniglot.subset([omniglot.class_names.index("Gurmukhi/character42")])
    np.testing.assert_array_equal(
        part.subset([index]).images[:], np.rot90(original.images[:], axes=(1, 2))
    )
    assert part.drawer is not None
    assert part.drawer[part.class_index == index].tolist() == list(range(1, 21))


@pytest.mark.parametrize("name", [name for name in SPLITS if not name.startswith("vinyals")])
def test_a_data_set_without_the_alphabets_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"split '{name}' needs the alphabet"):
        split(load_dataset("sample"), name)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="there is no split 'test'"):
        split(toy(2), "test")


def test_missing_or_damaged_vinyals_lists_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLOTYPE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="cannot be read"):
        split(toy(2), "vinyals-val")
    path = tmp_path / VINYALS_FOLDER / "val.txt"
    path.parent.mkdir()
    path.write_text("c0/rot000\n")
    with pytest.raises(DataError, match="lists 1 classes instead of 688"):
        split(toy(2), "vinyals-val")
    path.write_text("\n".join(f"Nowhere/character{i:03d}/rot000" for i in range(688)))
    with pytest.raises(DataError, match="which 'toy' does not have"):
        vinyals_classes(toy(2), path.parent, "val")


def test_rotated_classes_are_classes_of_their_own() -> None:
    plain = toy(3)
    turned = rotated(plain, [2, 0, 2], [0, 1, 3])
    assert turned.class_names == ("c2/rot000", "c0/rot090", "c2/rot270")
    assert turned.class_index.tolist() == [0, 0, 1, 1, 2, 2]
    for row, (picture, turns) in enumerate([(2, 0), (5, 0), (0, 1), (3, 1), (2, 3), (5, 3)]):
        np.testing.assert_array_equal(turned.images[row], np.rot90(plain.images[picture], turns))


@pytest.mark.parametrize(
    ("classes", "turns"), [([0, 0], [1, 1]), ([0], [4]), ([9], [0]), ([0], [-1]), ([], [])]
)
def test_impossible_rotations_are_refused(classes: list[int], turns: list[int]) -> None:
    with pytest.raises(DataError):
        rotated(toy(3), classes, turns)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(7, 30),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.integers(0, 2**64 - 1),
)
def test_random_splits_are_class_disjoint(classes: int, weights: list[int], seed: int) -> None:
    dataset = toy(classes)
    shares = {str(i): weight / sum(weights) for i, weight in enumerate(weights)}
    parts = random_split(dataset, shares, seed)
    names = [name for part in parts.values() for name in part.class_names]
    assert sorted(names) == sorted(dataset.class_names)  # none twice, none lost
    again = random_split(dataset, shares, seed)
    assert all(parts[name].class_names == again[name].class_names for name in parts)


def test_random_split_is_pinned() -> None:
    parts = random_split(toy(10), {"training": 0.7, "test": 0.3}, seed=5)
    assert parts["test"].class_names == ("c0", "c2", "c9")


@pytest.mark.parametrize("shares", [{}, {"a": 0.0}, {"a": 0.7, "b": 0.4}, {"a": 0.01}])
def test_impossible_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(DataError):
        random_split(toy(10), shares, seed=0)
