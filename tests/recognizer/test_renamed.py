"""A gallery of the pack that was `objects` goes on with it under its present name, `shelf`."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_sample_image

import holotype
from holotype.errors import GalleryError
from holotype.gallery import gallery_model, open_gallery

# What a gallery was bound to before the pack had another name.
BOUND = {"model_id": "6e85f78ba8b4e5bc", "model_name": "objects", "embedding_dim": 256}
FLOWER = np.asarray(load_sample_image("flower.jpg"))
CHINA = np.asarray(load_sample_image("china.jpg"))


def part(photo: NDArray[np.uint8], left: int) -> NDArray[np.uint8]:
    return photo[100:300, left : left + 250]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.gallery"
    with open_gallery(path, **BOUND) as kept:
        kept.labels()
    return path


@pytest.mark.parametrize("model", [None, "objects", "shelf"])
def test_it_opens_by_either_name_and_says_so(
    old: Path, model: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), holotype.open(old, model) as recognizer:
        assert recognizer.embedder.model_id == BOUND["model_id"]
        recognizer.enroll("flower", part(FLOWER, 100))
        recognizer.enroll("china", part(CHINA, 100))
        decision = recognizer.identify(part(FLOWER, 110))
    # As the pack decided when it was called `objects`.
    assert (decision.answer, decision.label) == ("match", "flower")
    assert decision.similarity == pytest.approx(0.990525, abs=1e-4)
    assert decision.candidates[1].similarity == pytest.approx(0.183033, abs=1e-4)
    assert gallery_model(old) == (BOUND["model_id"], "shelf")
    (said,) = caplog.messages
    assert "old.gallery" in said
    assert "pack `objects` of an earlier version, which is called `shelf` now" in said


def test_a_gallery_of_the_new_pack_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "new.gallery"
    with holotype.open(path, "objects") as recognizer:
        recognizer.enroll("flower", part(FLOWER, 100))
    model_id, name = gallery_model(path)
    assert name == "objects"
    assert model_id != BOUND["model_id"]
    with pytest.raises(GalleryError, match="belongs to the model 'objects'"):
        holotype.open(path, "shelf")
