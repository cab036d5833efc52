"""A gallery of bare vectors: anybody's embeddings in place of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import GalleryError, ImageError, LabelError, VectorError
from holotype.recognizer import calibrate
from toy_packs import toy_drawing

DIM = 8


def drawn(count: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[holotype.Recognizer]:
    with holotype.open(tmp_path / "bare.gallery", dim=DIM) as recognizer:
        for number, vector in enumerate(drawn(25)):
            recognizer.enroll(f"v{number}", vectors=vector)
        yield recognizer


def test_twenty_five_enrolled_guarantee_a_tenth(bare: holotype.Recognizer) -> None:
    decision = bare.identify(vectors=drawn(25)[3], fpir=0.1)
    assert (decision.answer, decision.label) == ("match", "v3")
    assert decision.basis is not None
    assert (decision.basis.known, decision.basis.source) == ("guaranteed", "enrolled")
    assert decision.basis.smallest_guaranteed == pytest.approx(2 / 26)
    several = bare.identify(vectors=drawn(3) * 7, fpir=0.1)  # of any length
    assert [one.label for one in several] == ["v0", "v1", "v2"]
    assert bare.verify("v3", vectors=drawn(25)[3], fmr=0.1).answer == "match"
    assert bare.verify("v3", vectors=-drawn(25)[3], fmr=0.1).answer == "unknown"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (np.ones(DIM + 1, np.float32), "do not fit a gallery of 8"),
        (np.ones((2, 2, DIM), np.float32), "do not fit"),
        (np.empty((0, DIM), np.float32), "do not fit"),
        (np.full(DIM, np.nan, np.float32), "not finite"),
        (np.full(DIM, np.inf, np.float32), "not finite"),
        (np.zeros(DIM, np.float32), "zero"),
        (np.ones(DIM, np.int64), "int64"),
        (np.array(["a"] * DIM), "floating-point"),
    ],
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda desk, vectors: desk.enroll("new", vectors=vectors),
        lambda desk, vectors: desk.identify(vectors=vectors),
        lambda desk, vectors: desk.verify("v0", vectors=vectors),
        lambda desk, vectors: calibrate(desk, vectors=vectors),
    ],
    ids=["enroll", "identify", "verify", "calibrate"],
)
def test_what_is_no_embedding_is_refused_and_changes_nothing(
    bare: holotype.Recognizer,
    ask: Callable[[holotype.Recognizer, np.ndarray], object],
    bad: np.ndarray,
    why: str,
) -> None:
    before = bare.list()
    with pytest.raises(VectorError, match=why):
        ask(bare, bad)
    assert bare.list() == before
    assert bare.gallery.stranger_batches() == ()


def test_own_strangers_may_be_vectors(bare: holotype.Recognizer) -> None:
    change = calibrate(bare, vectors=drawn(30, seed=1), suspects="keep")
    assert (change.pictures, change.classes_in_all) == (30, 30)
    assert change.guaranteed_after == pytest.approx(1 / 31)
    decision = bare.identify(vectors=drawn(1)[0], fpir=0.05)
    assert decision.basis is not None
    assert (decision.basis.known, decision.basis.source) == ("guaranteed", "site")
    with pytest.raises(ImageError, match="class names"):
        calibrate(bare, classes=["a"], vectors=drawn(2))


def test_a_claim_that_is_not_enrolled_is_refused(bare: holotype.Recognizer) -> None:
    with pytest.raises(LabelError, match="not among the 25"):
        bare.verify("nobody", vectors=drawn(1)[0])


def test_a_gallery_of_bare_vectors_takes_no_picture(bare: holotype.Recognizer) -> None:
    picture = toy_drawing(0)
    for ask in (
        lambda: bare.enroll("new", picture),
        lambda: bare.identify(picture),
        lambda: bare.verify("v0", picture),
        lambda: calibrate(bare, [picture]),
    ):
        with pytest.raises(GalleryError, match="no model that could look at a picture"):
            ask()


def test_it_opens_again_without_being_told_its_length(bare: holotype.Recognizer) -> None:
    path = bare.gallery.path
    with holotype.open(path) as again:
        assert again.embedding_dim == DIM
        assert again.identify(vectors=drawn(25)[3], fpir=0.1).label == "v3"
    with pytest.raises(GalleryError, match="vectors-8"):
        holotype.open(path, dim=DIM + 1)


def test_a_model_and_a_length_exclude_one_another(tmp_path: Path, pack: Path) -> None:
    with pytest.raises(GalleryError, match="exclude one another"):
        holotype.open(tmp_path / "new.gallery", pack, dim=DIM)
    with pytest.raises(GalleryError, match="below 1"):
        holotype.open(tmp_path / "new.gallery", dim=0)
    assert not (tmp_path / "new.gallery").exists()
