"""To another model: all or nothing, gone on with where it stopped; what cannot move is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from holotype.errors import GalleryError
from holotype.gallery import gallery_model
from holotype.recognizer import calibrate, migration, reembed
from toy_packs import make_toy_pack, toy_drawing

RATE = 0.1


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "other", dim=12, seed=1)


@pytest.fixture
def kept(tmp_path: Path, pack: Path) -> Path:
    """A gallery with pictures: a file, an array, bytes."""
    path = tmp_path / "kept.gallery"
    file = tmp_path / "1.png"
    Image.fromarray(toy_drawing(1)).save(file)
    with holotype.open(path, model=pack, keep_pictures=True) as recognizer:
        recognizer.enroll("c0", toy_drawing(0), toy_drawing(0, drawer=1))
        recognizer.enroll("c1", file)
        Image.fromarray(toy_drawing(7)).save(file)
        recognizer.enroll("c7", file.read_bytes())
        calibrate(recognizer, [toy_drawing(300 + i) for i in range(6)], suspects="keep")
    return path


def test_a_gallery_moves_and_recognizes_with_the_new_model(kept: Path, other: Path) -> None:
    plan = reembed(kept, other, dry_run=True)
    assert (plan.examples, plan.ready, plan.strangers, plan.done) == (4, 0, 6, False)
    assert plan.without_pictures == {}
    assert gallery_model(kept)[0] == plan.from_model
    done = reembed(kept, other)
    assert (done.examples, done.strangers, done.done) == (4, 6, True)
    assert gallery_model(kept) == (done.to_model, str(other.resolve()))
    with holotype.open(kept) as recognizer:
        assert recognizer.list() == {"c0": 2, "c1": 1, "c7": 1}
        fresh = recognizer.embedder.embed([toy_drawing(0), toy_drawing(0, drawer=1)])
        np.testing.assert_allclose(recognizer.gallery.snapshot().vectors[:2], fresh, atol=1e-6)
        assert recognizer.identify(toy_drawing(0), fpir=RATE).label == "c0"
        assert recognizer.gallery.check().sound
    with pytest.raises(GalleryError, match="already"):
        reembed(kept, other)


def test_what_has_no_picture_is_named_and_stays(
    tmp_path: Path, pack: Path, kept: Path, other: Path
) -> None:
    with holotype.open(kept) as recognizer:
        recognizer.gallery.set_keep_pictures(False)
        recognizer.enroll("late", toy_drawing(8))
    before = kept.read_bytes()
    plan = reembed(kept, other, dry_run=True)
    assert plan.without_pictures == {"c0": 2, "c1": 1, "c7": 1, "late": 1}
    with pytest.raises(GalleryError, match=r"5 examples of 'c0', 'c1', 'c7', 'late'"):
        reembed(kept, other)
    assert kept.read_bytes() == before


def test_an_interrupted_move_goes_on(
    kept: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_BATCH", 1)

    def interrupt(done: int, total: int) -> None:
        assert total == 4
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reembed(kept, other, progress=interrupt)
    with holotype.open(kept) as recognizer:  # as before
        assert recognizer.identify(toy_drawing(0), fpir=RATE).label == "c0"
    assert reembed(kept, other, dry_run=True).ready == 2
    seen: list[int] = []
    assert reembed(kept, other, progress=lambda done, total: seen.append(done)).done
    assert seen == [3, 4]
