from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holotype.datasets.catalogue import OMNIGLOT_FILE, data_folder, load_dataset
from holotype.datasets.folders import write_folder
from holotype.datasets.splits import ALPHABETS
from holotype.errors import DataError


def test_digits_are_the_test_part_of_the_uci_set() -> None:
    digits = load_dataset("digits")
    assert digits.images[:].shape == (1797, 8, 8)
    assert digits.images[:].dtype == np.uint8
    # The class counts that the UCI repository publishes for the test part.
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(digits.class_index).tolist() == counts
    assert len(np.unique(digits.images[:])) == 17
    levels = np.round(digits.images[:] / 255 * 16).astype(np.uint8)
    digest = hashlib.sha256(levels.tobytes() + digits.class_index.astype(np.uint8).tobytes())
    assert digest.hexdigest().startswith("87ff0c9e40dc7e2c")
    assert digits.license == "CC BY 4.0"


def test_sample_is_two_alphabets_of_twenty_characters() -> None:
    sample = load_dataset("sample")
    assert len(sample) == 800
    assert sorted(set(sample.group)) == ["Angelic", "ULOG"]
    assert np.bincount(sample.class_index).tolist() == [20] * 40
    assert sample.images[:2].shape == (2, 105, 105)
    assert set(np.unique(sample.images[:50])) == {0, 255}
    assert (sample.images[:] == 255).mean() > 0.9  # mostly paper
    assert sample.drawer is not None
    assert sample.drawer[:20].tolist() == list(range(1, 21))
    assert set(sample.group) <= set(ALPHABETS["evaluation"])


@pytest.mark.data
def test_sample_follows_its_stated_rule() -> None:
    full, sample = load_dataset("omniglot"), load_dataset("sample")
    size = {name: full.group.count(name) for name in ALPHABETS["evaluation"]}
    large = sorted(name for name, count in size.items() if count >= 20)
    expected = [
        index
        for alphabet in (large[0], large[-1])
        for index in [i for i, group in enumerate(full.group) if group == alphabet][:20]
    ]
    chosen = full.subset(expected)
    assert chosen.class_names == sample.class_names
    np.testing.assert_array_equal(chosen.images[:], sample.images[:])


@pytest.mark.data
def test_omniglot_is_complete(data_dir: Path) -> None:
    omniglot = load_dataset("omniglot")
    assert (len(omniglot.class_names), len(omniglot), len(set(omniglot.group))) == (
        1623,
        32460,
        50,
    )
    assert load_dataset(data_dir).name == "omniglot"
    # The share of ink in the first drawing, counted in the packed file.
    assert (omniglot.images[0] == 0).sum() == 905


def test_a_subset_renumbers_its_classes_and_keeps_their_pictures() -> None:
    digits = load_dataset("digits")
    part = digits.subset([7, 2])
    assert part.class_names == ("7", "2")
    assert np.bincount(part.class_index).tolist() == [179, 177]
    np.testing.assert_array_equal(
        part.images[part.class_index == 1], digits.images[digits.class_index == 2]
    )


@pytest.mark.parametrize("classes", [[], [1, 1], [10], [-1]])
def test_an_impossible_subset_is_refused(classes: list[int]) -> None:
    with pytest.raises(DataError):
        load_dataset("digits").subset(classes)


def test_pictures_can_be_replaced_one_for_one() -> None:
    digits = load_dataset("digits")
    half = digits.with_images(digits.images[:] / 2)
    assert half.images[3].max() == digits.images[3].max() / 2
    with pytest.raises(DataError, match="5 pictures were passed; 'digits' has 1797"):
        digits.with_images(np.zeros((5, 8, 8)))


def test_data_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOLOTYPE_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(DataError, match="holotype data omniglot"):
        load_dataset("omniglot")
    monkeypatch.delenv("HOLOTYPE_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".cache" / "holotype"


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_damaged_omniglot_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / OMNIGLOT_FILE).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in {"b ring": 2, "a cup": 3, ".hidden": 1}.items():
        (tmp_path / name).mkdir()
        for index in range(count):
            Image.new("L", (9, 9), 40 * index).save(tmp_path / name / f"{index}.PNG")
    (tmp_path / "a cup" / "notes.txt").write_text("not a picture")
    (tmp_path / "a cup" / ".thumb.png").write_bytes(b"")
    (tmp_path / "readme.md").write_text("beside the classes")
    return tmp_path


def test_class_folders_are_classes(folder: Path) -> None:
    dataset = load_dataset(folder)
    assert dataset.class_names == ("a cup", "b ring")
    assert dataset.class_index.tolist() == [0, 0, 0, 1, 1]
    assert [path.name for path in dataset.images] == [  # type: ignore[attr-defined]
        "0.PNG", "1.PNG", "2.PNG", "0.PNG", "1.PNG",
    ]  # fmt: skip
    assert dataset.subset([1]).images == dataset.images[3:]
    assert dataset.drawer is None


def test_folders_that_hold_no_classes_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a data set nor a folder"):
        load_dataset(tmp_path / "missing")
    with pytest.raises(DataError, match="is a file"):
        load_dataset(folder / "readme.md")
    with pytest.raises(DataError, match="has no class folders"):
        load_dataset(folder / "a cup")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="has no pictures"):
        load_dataset(folder)


def test_the_sample_written_as_a_folder_reads_back_the_same(tmp_path: Path) -> None:
    sample = load_dataset("sample")
    out = tmp_path / "drawings"
    write_folder(out, sample.images[:], sample.class_index, sample.class_names)
    again = load_dataset(out)
    assert again.class_names == tuple(name.replace("/", "-") for name in sample.class_names)
    np.testing.assert_array_equal(again.class_index, sample.class_index)
    for row in (0, 399, 799):
        np.testing.assert_array_equal(np.asarray(Image.open(again.images[row])), sample.images[row])


def test_a_folder_is_written_twice_only_if_it_holds_the_very_same(tmp_path: Path) -> None:
    out = tmp_path / "drawings"
    pictures = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    write = partial(write_folder, out, pictures, np.array([0, 0, 1]), ["a", "b/c"])
    assert write() == write() == 3
    before = (out / "a" / "01.png").read_bytes()
    shutil.copy(out / "a" / "02.png", out / "a" / "01.png")
    with pytest.raises(DataError, match="exists already and holds something else"):
        write()
    (out / "a" / "01.png").write_bytes(before)
    assert write() == 3
    (out / "b-c" / "02.png").write_bytes(before)
    with pytest.raises(DataError, match="exists already and holds something else"):
        write()
