"""Parts of a data set in a file, and what is found wrong with a folder before it is used."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.folders import read_folder
from holotype.datasets.inspection import inspect
from holotype.datasets.parts import Part, part_text
from holotype.errors import DataError
from toy_packs import toy_drawing, write_drawings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_drawings(tmp_path / "things", ["cup", "ring", "spoon"])


def test_a_part_is_loaded_like_any_data_set(folder: Path, tmp_path: Path) -> None:
    part = Part(str(folder), ("spoon", "cup"), ("cup/1.png",))
    (tmp_path / "part.json").write_text(part_text(part))
    dataset = load_dataset(tmp_path / "part.json")
    assert dataset.name == "things"
    assert dataset.class_names == ("spoon", "cup")
    assert dataset.class_index.tolist() == [0, 0, 0, 1, 1]
    names = [f"{path.parent.name}/{path.name}" for path in dataset.images]  # type: ignore[attr-defined]
    assert names == ["spoon/0.png", "spoon/1.png", "spoon/2.png", "cup/0.png", "cup/2.png"]
    (tmp_path / "digits.json").write_text(part_text(Part("digits", ("3", "1"))))
    assert np.bincount(load_dataset(tmp_path / "digits.json").class_index).tolist() == [183, 182]


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"data": "digits"}', '{"data": 1, "classes": [], "left_out": []}',
     '{"data": "other.json", "classes": [], "left_out": []}',
     '{"data": "digits", "classes": ["eleven"], "left_out": []}'],
)  # fmt: skip
def test_what_is_no_part_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text(content)
    with pytest.raises(DataError):
        load_dataset(tmp_path / "part.json")


def test_a_class_that_loses_all_pictures_goes(folder: Path) -> None:
    rest = load_dataset(folder).without([f"ring/{drawer}.png" for drawer in range(3)])
    assert rest.class_names == ("cup", "spoon")
    assert rest.class_index.tolist() == [0, 0, 0, 1, 1, 1]


def test_one_name_in_two_unicode_forms_is_refused(folder: Path) -> None:
    for form in ("NFC", "NFD"):
        (folder / unicodedata.normalize(form, "caf\u00e9")).mkdir()
    if len(list(folder.iterdir())) < 5:
        pytest.skip("this file system holds only one form of a name")
    with pytest.raises(DataError, match=r"'cafe\\u0301' and 'caf\\xe9' have the same name"):
        read_folder(folder)


def test_an_unreadable_picture_is_found_among_many(folder: Path) -> None:
    clean = inspect(read_folder(folder))
    assert clean.unfit == {}
    assert clean.alike == ()
    assert clean.fingerprint == inspect(read_folder(folder)).fingerprint
    (folder / "ring" / "1.png").write_bytes((folder / "ring" / "1.png").read_bytes()[:60])
    (folder / "spoon" / "empty.png").touch()
    told: list[tuple[int, int]] = []
    found = inspect(read_folder(folder), lambda done, total: told.append((done, total)))
    assert found.unfit.keys() == {"ring/1.png", "spoon/empty.png"}
    assert told[-1] == (10, 10)
    assert found.fingerprint != clean.fingerprint


def test_copies_are_named_with_their_original(folder: Path) -> None:
    Image.fromarray(toy_drawing(0, 0)).save(folder / "cup" / "z.png")
    Image.fromarray(toy_drawing(1, 1)).convert("RGB").save(folder / "spoon" / "a.bmp")
    assert inspect(read_folder(folder)).unfit == {
        "cup/z.png": "the same picture as cup/0.png",
        "ring/1.png": "the same picture as spoon/a.bmp, another class",
        "spoon/a.bmp": "the same picture as ring/1.png, another class",
    }


def test_the_file_of_a_part_can_be_read_by_people() -> None:
    assert json.loads(part_text(Part("digits", ("1",)))) == {
        "data": "digits", "classes": ["1"], "left_out": [],
    }  # fmt: skip
