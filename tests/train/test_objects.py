from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from holotype.datasets.dataset import Dataset
from holotype.embedder import Embedder
from holotype.pack import load_pack
from holotype.train import objects
from holotype.train.efficientnet import PARTS, EfficientNetLite, ShelfFeatures, columns
from holotype.train.objects import Head, chosen_head, embedded, features_of, write_shelf


def photographs(classes: int, each: int, seed: int, name: str) -> Dataset:
    index = np.repeat(np.arange(classes), each)
    pictures = np.random.default_rng(seed).integers(0, 256, (len(index), 32, 32, 3), dtype=np.uint8)
    names = tuple(f"{name} {i}" for i in range(classes))
    return Dataset(name, pictures, index, names, ("",) * classes, None, "MIT", "")


def test_the_head_is_chosen_for_classes_that_it_did_not_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(objects, "DIMENSIONS", 20)
    rng = np.random.default_rng(0)
    center = rng.normal(size=(30, 4))
    index = np.repeat(np.arange(30), 8)
    near = np.zeros((240, sum(PARTS.values())), np.float32)
    far = np.zeros((30, sum(PARTS.values())), np.float32)
    # The one part tells the classes, the other nothing.
    told, noise = columns(("block 21",))[:10], columns(("middle",))[:10]
    near[:, told] = np.hstack([center[index], rng.normal(scale=3, size=(240, 6))])
    far[:, told] = np.hstack([center, rng.normal(scale=3, size=(30, 6))])
    near[:, noise] = rng.normal(size=(240, 10))
    far[:, noise] = rng.normal(size=(30, 10))
    head = chosen_head(near, index, far)
    assert head.parts == ("middle", "block 21")
    assert head.shrinkage == min(objects.SHRINKAGES)  # all of the spread inside is noise here
    vectors = embedded(near, head)
    assert vectors.shape == (240, 20)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_the_pack_answers_as_the_network_and_its_head_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(objects.PREPROCESSING, size_px=64)
    monkeypatch.setattr(objects, "PREPROCESSING", small)
    torch.manual_seed(0)
    network = EfficientNetLite().eval()
    rng = np.random.default_rng(0)
    parts = ("middle", "block 20")
    length = len(columns(parts))
    head = Head(
        parts, 1.0, rng.normal(size=length) / 50, rng.normal(size=(length, objects.DIMENSIONS))
    )
    learned, cohort = photographs(2, 2, 0, "seen"), photographs(3, 2, 1, "unseen")
    write_shelf(
        tmp_path / "shelf",
        network=network,
        head=head,
        learned_from=learned,
        cohort=cohort,
        training={"seed": 0},
    )
    pack = load_pack(tmp_path / "shelf")
    assert pack.card.cohort["class_names"] == ["unseen 0", "unseen 1", "unseen 2"]
    vectors, index = pack.cohort()
    assert index.tolist() == [0, 0, 1, 1, 2, 2]
    pictures = list(cohort.images[:])
    expected = embedded(features_of(ShelfFeatures(network).eval())(pictures), head)
    np.testing.assert_allclose(Embedder(pack).embed(pictures), expected, atol=2e-3)
    np.testing.assert_allclose(vectors, expected, atol=3e-3)
