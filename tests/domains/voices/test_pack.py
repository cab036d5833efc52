"""The pack `voices` says what its weights say in torch, and holds what it says it holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from holotype.datasets.voices import COHORT, TEST, load_fsdd_recordings, load_librispeech
from holotype.embedder import Embedder
from holotype.errors import ImageError
from holotype.pack import load_pack
from holotype.pack.card import card_from_json

# What torch 2.13 answers to `windows()` with the weights in single precision (`reference` of
# build_packs/voices_pack.py): every eighth coordinate of the unit vectors, in ten-thousandths.
TORCH = [
    *[0, 391, 1671, 0, 139, 0, 634, 0, 932, 0, 0, 0, 379, 1066, 0, 1410],
    *[1291, 1222, 1370, 2195, 0, 882, 0, 692, 0, 0, 281, 0, 910, 64, 847, 0],
    *[0, 116, 1319, 0, 560, 0, 1046, 0, 1257, 0, 0, 0, 336, 880, 0, 1318],
    *[1009, 1299, 1494, 1276, 0, 847, 0, 159, 0, 0, 0, 0, 974, 0, 1030, 0],
    *[0, 101, 839, 0, 189, 0, 1334, 0, 1266, 0, 0, 531, 0, 442, 0, 687],
    *[847, 904, 1441, 1343, 0, 420, 0, 0, 0, 0, 567, 0, 2098, 260, 959, 0],
]


def windows() -> NDArray[np.float32]:
    frame, band = np.arange(160)[:, None], np.arange(40)
    return np.stack(
        [1e-3 * (1 + np.sin(0.1 * n * frame + 0.3 * band)) * np.exp(-0.1 * band) for n in (1, 2, 3)]
    ).astype(np.float32)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(load_pack("voices"))


def test_the_converted_network_agrees_with_torch(embedder: Embedder) -> None:
    expected = np.reshape(TORCH, (3, 32)) / 1e4
    found = embedder.embed_prepared(windows())[:, ::8]
    np.testing.assert_allclose(found, expected, atol=2e-3)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / lengths > 1 - 1e-3).all()


def test_parts_are_averaged_and_their_agreement_told(embedder: Embedder) -> None:
    each = embedder.embed_prepared(windows())
    vector, parts, unity = embedder.embed_parts(iter([windows()[:2], windows()[2:]]))
    mean = each.mean(axis=0)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert parts == 3
    assert unity == pytest.approx(np.linalg.norm(mean), abs=1e-5)


def test_windows_of_another_shape_are_refused(embedder: Embedder) -> None:
    with pytest.raises(ImageError, match=r"needs \['B', 160, 40\]"):
        embedder.embed_prepared(windows()[:, :100])


@pytest.mark.parametrize(
    ("field", "value"), [("rate_hz", 8000), ("frames", 0), ("bands", "40"), ("level_db", 3)]
)
def test_constants_that_cannot_be_heard_are_refused(field: str, value: object) -> None:
    card = json.loads((load_pack("voices").path / "card.json").read_text())
    card["preprocessing"]["hearing"][field] = value
    with pytest.raises(ValueError, match="hearing of kind 'voice' is not valid"):
        card_from_json(json.dumps(card).encode())


def test_the_pack_is_small() -> None:
    path: Path = load_pack("voices").path
    assert sum(file.stat().st_size for file in path.iterdir()) < 9e6


@pytest.mark.data
def test_the_cohort_is_what_the_model_hears(embedder: Embedder) -> None:
    pack, cohort = load_pack("voices"), load_librispeech(COHORT)
    assert tuple(pack.card.cohort["class_names"]) == cohort.class_names
    vectors, index = pack.cohort()
    assert index.tolist() == list(range(251))
    found = embedder.embed(cohort.recordings[:5])
    assert ((found * vectors[:5]).sum(axis=1) > 1 - 1e-3).all()


@pytest.mark.data
def test_ten_speakers_are_told_apart(embedder: Embedder) -> None:
    test = load_librispeech(TEST)
    vectors = embedder.embed([test.recordings[row] for row in range(0, 100, 5)])  # two of each
    assert (vectors[0::2] * vectors[1::2]).sum(axis=1).min() > 0.65
    alike = vectors[0::2] @ vectors[1::2].T
    assert np.median(alike[~np.eye(10, dtype=bool)]) < 0.55


@pytest.mark.data
def test_the_speakers_are_where_they_should_be() -> None:
    test, digits = load_librispeech(TEST), load_fsdd_recordings()
    assert (len(test.recordings), len(test.class_names)) == (100, 10)
    assert not set(test.class_names) & set(load_librispeech(COHORT).class_names)
    assert (len(digits.recordings), digits.class_names[0]) == (3000, "george")
