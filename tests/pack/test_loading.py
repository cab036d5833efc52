"""A pack is found and loaded."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holotype.pack
from holotype.errors import PackError
from holotype.pack import known_packs, load_pack, shipped_packs, write_pack
from holotype.pack.reading import read_pack
from toy_packs import COHORT_CLASSES, COHORT_EXAMPLES, make_toy_pack, toy_parts


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_cohort_comes_back_as_unit_vectors(tmp_path: Path, dtype: Any) -> None:
    parts = toy_parts()
    given = parts["embeddings"]
    pack = write_pack(tmp_path / "toy", **{**parts, "embeddings": given.astype(dtype)})
    vectors, class_index = pack.cohort()
    assert vectors.dtype == np.float32
    assert class_index.dtype == np.int64
    np.testing.assert_allclose(vectors, given, atol=1e-3 if dtype == np.float16 else 1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(np.bincount(class_index), [COHORT_EXAMPLES] * COHORT_CLASSES)
    assert not vectors.flags.writeable
    assert not class_index.flags.writeable


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_background_comes_back_as_unit_vectors(tmp_path: Path, dtype: Any) -> None:
    parts = toy_parts()
    given = parts["prototypes"]
    pack = write_pack(tmp_path / "toy", **{**parts, "prototypes": given.astype(dtype)})
    background = pack.background()
    assert background.dtype == np.float32
    assert len(background) == len(pack.card.background["class_names"])
    np.testing.assert_allclose(background, given, atol=1e-3 if dtype == np.float16 else 1e-6)
    np.testing.assert_allclose(np.linalg.norm(background, axis=1), 1, atol=1e-6)
    assert not background.flags.writeable


def test_a_text_path_and_a_relative_path_are_taken(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    assert load_pack(str(toy)).card == load_pack("toy").card == load_pack("./toy").card


def test_shipped_packs_load_by_name(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holotype.pack.catalogue, "SHIPPED", toy.parent)
    (toy.parent / "notes").mkdir()
    assert shipped_packs() == ["toy"]
    assert load_pack("toy").path == toy


@pytest.mark.parametrize("name", shipped_packs())
def test_each_shipped_pack_is_valid(name: str) -> None:
    pack = load_pack(name)
    assert pack.card.name == name
    assert pack.card.scores
    assert pack.card.license


def test_the_shelf_shares_a_network_and_has_the_very_model_that_its_card_names() -> None:
    pack = load_pack("shelf")
    assert not (pack.path / "model.onnx").exists()
    assert hashlib.sha256(pack.model()).hexdigest() == pack.card.files["model.onnx"]
    # What galleries of the shelf are bound to, whatever becomes of the network beside it.
    assert pack.card.model_id == "6e85f78ba8b4e5bc"


@pytest.mark.parametrize("spoil", ["altered", "damaged"])
def test_a_difference_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    shelf = shutil.copytree(load_pack("shelf").path, tmp_path / "shelf")
    monkeypatch.setattr("holotype.pack.reading.SHIPPED", tmp_path)
    file = shelf / "difference.npz"
    with np.load(file) as stored:
        parts = dict(stored)
    if spoil == "altered":
        np.savez(file, **{**parts, "spans": parts["spans"] - [[0, 1]]})
    else:
        file.write_bytes(file.read_bytes()[:-30])
    said = "digest" if spoil == "altered" else "difference.npz of pack .* not readable"
    with pytest.raises(PackError, match=said):
        read_pack(shelf)


def test_a_strangers_pack_must_hold_its_model_whole(tmp_path: Path) -> None:
    shelf = shutil.copytree(load_pack("shelf").path, tmp_path / "shelf")
    with pytest.raises(PackError, match=r"model.onnx of pack .* the file is missing"):
        load_pack(shelf)


def test_known_packs_are_checked_again_where_a_file_of_them_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = shutil.copytree(load_pack("characters").path, tmp_path / "packs" / "characters")
    monkeypatch.setattr(holotype.pack.catalogue, "SHIPPED", mine.parent)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    known = known_packs()
    assert [one.name for one in known if one.pack is not None] == ["characters"]
    with monkeypatch.context() as unread:
        unread.setattr(holotype.pack.catalogue, "read_pack", lambda _: pytest.fail("read again"))
        assert known_packs() == known
    with (mine / "model.onnx").open("ab") as model:
        model.write(b"0")
    with pytest.raises(PackError, match=r"model\.onnx of pack .* SHA-256"):
        known_packs()


@pytest.mark.parametrize("name", ["nobody", "", "a\0b", "no/such/folder"])
def test_an_unknown_name_lists_what_is_shipped(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(holotype.pack.catalogue, "SHIPPED", toy.parent)
    monkeypatch.chdir(tmp_path)
    said = r"neither a shipped pack \(toy\) nor a folder" if name else "card.json of pack '.'"
    with pytest.raises(PackError, match=said):
        load_pack(name)


@pytest.mark.parametrize("spoil", ["lost", "damaged"])
def test_the_pack_that_is_made_on_the_machine_is_made_anew_where_a_file_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    folder, made = tmp_path / "packs" / "faces-1", []

    def make(_: str) -> Path:
        if not folder.is_dir():
            made.append(make_toy_pack(folder))
        return folder

    monkeypatch.setattr("holotype.pack.catalogue._made", make)
    assert load_pack("faces").path == folder
    for name in ("model.onnx", "card.json", "cohort.npz"):
        (folder / name).unlink() if spoil == "lost" else (folder / name).write_bytes(b"?")
        assert load_pack("faces").card.name == "toy"
    assert len(made) == 4
    assert [one.name for one in folder.parent.iterdir()] == [folder.name]
