"""A folder of color pictures becomes a pack with what it is worth, in small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from holotype.pack import load_pack
from holotype.packing.measured import put_to_the_test
from holotype.train import pipeline
from holotype.train.augmentation.photos import PhotoBatches, changed
from holotype.train.recipes import RECIPES
from toy_photos import write_photos


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("data") / "stripes", classes=20)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["prototypical"]["photos"]
    settings = replace(recipe.settings, steps=3, precision="float32")
    preprocessing = replace(recipe.preprocessing, size_px=16)
    monkeypatch.setitem(
        RECIPES["prototypical"],
        "photos",
        replace(recipe, settings=settings, preprocessing=preprocessing, n_way=16),
    )


def test_a_folder_becomes_a_pack_and_a_report(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    pipeline.train_run("prototypical", str(folder), run)
    pack = pipeline.export_run(run, tmp_path / "mine")
    unseen = pipeline.held_out(run)
    assert unseen is not None
    parts = [
        set(pack.card.background["class_names"]),
        set(pack.card.cohort["class_names"]),
        set(unseen[0].class_names),
    ]
    assert [len(part) for part in parts] == [11, 5, 4]
    assert len(set.union(*parts)) == 20
    assert pack.card.training["recipe"] == "photos"
    assert pack.card.preprocessing.channels == 3

    measured, (page, _) = put_to_the_test(pack, *unseen)
    card = load_pack(tmp_path / "mine").card
    assert card.scores == measured.scores
    assert card.promise == measured.promise
    assert page == tmp_path / "mine-report.html"
    assert "stripes" in page.read_text()


def test_a_batch_is_pairs_of_a_class() -> None:
    index = np.repeat(np.arange(3), 4)
    pictures = np.zeros((12, 3, 8, 8), np.uint8) + (80 * index)[:, None, None, None].astype(
        np.uint8
    )
    batches = PhotoBatches(pictures, index, n_way=7, seed=0)
    batch = batches(5)
    assert batch.support.shape == (1, 7, 1, 3, 8, 8)
    assert batch.query.shape == (1, 7, 3, 8, 8)
    assert batch.class_id is not None
    counts = np.bincount(batch.class_id[0].numpy(), minlength=3)
    assert counts.min() >= 2
    assert batch.image_ids().tolist() == batch.class_id[0].tolist() * 2
    again = batches(5)
    assert torch.equal(again.support, batch.support)
    assert not torch.equal(batches(6).support, batch.support)


def test_changes_stay_in_range_and_keep_the_picture() -> None:
    photos = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    photos = torch.nn.functional.avg_pool2d(photos, 7, 1, 3)
    result = changed(photos, torch.Generator().manual_seed(1))
    assert result.shape == photos.shape
    assert result.min() >= 0
    assert result.max() <= 1
    assert not torch.equal(result, photos)
    # Of one picture alone, half of the copies are mirrored: their left half is its right.
    halves = torch.zeros(1, 1, 16, 16)
    halves[..., :8] = 1
    many = changed(halves.expand(200, 1, 16, 16), torch.Generator().manual_seed(2))
    left = many[..., :4].mean((1, 2, 3)) > many[..., -4:].mean((1, 2, 3))
    assert 70 < int(left.sum()) < 130
