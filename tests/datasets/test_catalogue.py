"""The data sets of the data folder, as they are and as archives that somebody broke."""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holotype.datasets.catalogue import dataset_names, load_dataset
from holotype.datasets.people import CEDAR_FILE, ORL_FILE
from holotype.datasets.photographs import GROCERY_FILE, NEU_FILE, load_grocery
from holotype.datasets.speech import FSDD_FILE
from holotype.errors import DataError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLOTYPE_DATA", str(tmp_path))
    return tmp_path


def jpeg(level: int, side_px: int = 112) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side_px, side_px), (level, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


def archive(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)


SHELF = {
    "iconic/00.jpg": jpeg(10),
    "iconic/01.jpg": jpeg(20),
    "train/00/Red-Pear_001.jpg": jpeg(30),
    "train/01/Oat-Milk_001.jpg": jpeg(40),
    "test/01/Oat-Milk_001.jpg": jpeg(50),
    "test/00/Red-Pear_001.jpg": jpeg(60),
    "val/01/Oat-Milk_009.jpg": jpeg(70),
}


def test_grocery_is_one_set_with_reachable_parts(folder: Path) -> None:
    archive(folder / GROCERY_FILE, SHELF)
    catalogue, test = load_dataset("grocery-catalogue"), load_dataset("grocery-test")
    assert catalogue.class_names == test.class_names == ("Red-Pear", "Oat-Milk")
    assert load_dataset("grocery-val").class_names == ("Oat-Milk",)
    assert load_dataset("grocery").class_index.tolist() == [0, 0, 1, 1, 1]
    # Red tells which file it was.
    assert [int(p[0, 0, 0]) for p in catalogue.images[:]] == pytest.approx([10, 20], abs=2)
    assert [int(p[0, 0, 0]) for p in test.images[:]] == pytest.approx([60, 50], abs=2)
    assert test.images[0].shape == (112, 112, 3)
    assert test.images[np.array([[0, 1], [1, 1]])].shape == (2, 2, 112, 112, 3)
    assert len(test.subset([1]).images) == 1
    with pytest.raises(DataError, match="no part 'shelf'"):
        load_grocery("shelf")


def test_neu_is_grey(folder: Path) -> None:
    archive(folder / NEU_FILE, {f"{kind}/{kind}_1.jpg": jpeg(9) for kind in ("patches", "crazing")})
    steel = load_dataset("neu")
    assert steel.class_names == ("crazing", "patches")
    assert steel.images[:].shape == (2, 112, 112)


def test_faces_and_signatures_come_in_order(folder: Path) -> None:
    pictures = np.arange(4, dtype=np.uint8)[:, None, None].repeat(9, 1).repeat(9, 2)
    np.savez(
        folder / ORL_FILE,
        images=pictures,
        person=np.array([2, 1, 2, 1], np.uint8),
        shot=np.array([2, 1, 1, 2], np.uint8),
    )
    faces = load_dataset("orl")
    assert faces.class_names == ("person01", "person02")
    assert faces.class_index.tolist() == [0, 0, 1, 1]
    assert faces.images[:][:, 0, 0].tolist() == [1, 3, 2, 0]
    np.savez(
        folder / CEDAR_FILE,
        images=pictures,
        signer=np.array([2, 1, 1, 2], np.uint8),
        genuine=np.array([True, False, True, False]),
        index=np.ones(4, np.uint8),
    )
    signatures = load_dataset("cedar")
    assert signatures.class_names[:2] == ("signer01/genuine", "signer01/forged")
    assert signatures.group[:3] == ("signer01", "signer01", "signer02")
    assert signatures.images[:][:, 0, 0].tolist() == [2, 1, 0, 3]
    assert signatures.class_index.tolist() == [0, 1, 2, 3]


def recording(frames: bytes, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(width)
        written.setframerate(8000)
        written.writeframes(frames)
    return buffer.getvalue()


def test_spoken_digits_know_their_speakers(folder: Path) -> None:
    tone = (9000 * np.sin(np.arange(3000) / 3)).astype("<i2").tobytes()
    archive(
        folder / FSDD_FILE,
        {"7_theo_0.wav": recording(tone), "1_george_3.wav": recording(tone)},
    )
    spoken = load_dataset("fsdd")
    assert spoken.class_index.tolist() == [1, 7]
    assert spoken.drawer is not None
    assert spoken.drawer.tolist() == [1, 5]
    assert spoken.images[:].shape == (2, 64, 64)
    assert spoken.images[:].max() == 255


LATER = [name for name in dataset_names() if name not in ("sample", "digits")]


@pytest.mark.parametrize("name", LATER)
def test_a_file_that_is_not_there_is_named_with_what_to_set(folder: Path, name: str) -> None:
    with pytest.raises(DataError, match="HOLOTYPE_DATA") as caught:
        load_dataset(name)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["grocery", "neu", "fsdd"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_a_damaged_archive_is_refused(folder: Path, name: str, content: bytes) -> None:
    file = {"grocery": GROCERY_FILE, "neu": NEU_FILE, "fsdd": FSDD_FILE}[name]
    (folder / file).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(name)


def test_an_archive_of_something_else_is_refused(folder: Path) -> None:
    archive(folder / NEU_FILE, {"notes.txt": b"-"})
    with pytest.raises(DataError, match="nothing of this data set"):
        load_dataset("neu")
    archive(folder / NEU_FILE, {"patches/patches_1.jpg": b"\0" * 100_001})
    with pytest.raises(DataError, match="more than any"):
        load_dataset("neu")
    archive(folder / NEU_FILE, {"patches/patches_1.jpg": jpeg(9, 64)})
    with pytest.raises(DataError, match="64 x 64 px"):
        _ = load_dataset("neu").images[0]
    for wrong in (b"", b"RIFF", recording(b""), recording(b"\0\0\0", 1)):
        archive(folder / FSDD_FILE, {"1_theo_0.wav": wrong})
        with pytest.raises(DataError, match="cannot be read"):
            load_dataset("fsdd")
    archive(folder / FSDD_FILE, {"1_nobody_0.wav": recording(b"\0\0")})
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset("fsdd")


def test_an_unknown_name_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="orl, cedar, grocery"):
        load_dataset(tmp_path / "nothing")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "pictures", "classes"),
    [
        ("orl", 400, 40),
        ("cedar", 2640, 110),
        ("grocery", 5421, 81),
        ("grocery-catalogue", 81, 81),
        ("grocery-train", 2640, 81),
        ("grocery-val", 296, 60),
        ("grocery-test", 2485, 81),
        ("neu", 1800, 6),
        ("intents", 22500, 150),
    ],
)
def test_the_real_sets_are_complete(name: str, pictures: int, classes: int) -> None:
    dataset = load_dataset(name)
    assert (len(dataset), len(dataset.class_names)) == (pictures, classes)
    assert np.bincount(dataset.class_index).min() >= 1
    assert len(dataset.images[-1]) > 0
