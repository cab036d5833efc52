"""Galleries of bare vectors: anybody's encoder, the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import GalleryError, VectorError
from holotype.recognizer import calibrate

N, D = 30, 64


def things(seed: int, count: int = N + 10) -> np.ndarray:
    """What an encoder makes of things, one row each: float64 [count, D], of any length."""
    return 5 * np.random.default_rng(seed).normal(size=(count, D))


def again(thing: np.ndarray, seed: int = 1) -> np.ndarray:
    return thing + 1.5 * np.random.default_rng(seed).normal(size=thing.shape)


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    path = tmp_path / "any.gallery"
    with holotype.open(path, dim=D) as desk:
        for number, thing in enumerate(things(0)[:N]):
            desk.enroll(f"thing {number}", vectors=thing)
    return path


def test_the_enrolled_are_recognized_and_strangers_turned_away(gallery: Path) -> None:
    with holotype.open(gallery) as desk:  # it knows its own length
        assert desk.embedding_dim == D
        one = desk.identify(vectors=again(things(0)[3]), fpir=0.1)
        assert (one.answer, one.label) == ("match", "thing 3")
        assert one.basis is not None
        assert (one.basis.known, one.basis.source) == ("guaranteed", "enrolled")
        assert desk.verify("thing 3", vectors=again(things(0)[3]), fmr=0.1).answer == "match"
        assert desk.verify("thing 4", vectors=again(things(0)[3]), fmr=0.1).answer == "unknown"
        answers = [one.answer for one in desk.identify(vectors=things(0)[N:], fpir=0.1)]
        assert answers.count("unknown") > 5


def test_several_vectors_are_several_examples_or_several_answers(gallery: Path) -> None:
    with holotype.open(gallery) as desk:
        new = things(0)[N]
        added = desk.enroll("new", vectors=np.stack([again(new, 2), again(new, 3)]))
        assert (added.added, added.examples) == (2, 2)
        assert [one.label for one in desk.identify(vectors=np.stack([new, new]), fpir=0.1)] == [
            "new",
            "new",
        ]


def test_own_strangers_are_vectors_as_well(gallery: Path) -> None:
    with holotype.open(gallery) as desk:
        calibrate(desk, vectors=things(7, 25), suspects="keep")
        basis = desk.identify(vectors=things(0)[3], fpir=0.05).basis
        assert basis is not None
        assert (basis.known, basis.source, basis.own_classes) == ("guaranteed", "site", 25)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.ones(D + 1), f"gallery of {D} numbers"),
        (np.zeros(D), "zero"),
        (np.full(D, np.nan), "not finite"),
        (np.ones(D, int), "floating-point"),
    ],
)
def test_what_is_no_embedding_is_refused(gallery: Path, wrong: np.ndarray, said: str) -> None:
    with holotype.open(gallery) as desk:
        with pytest.raises(VectorError, match=said):
            desk.enroll("new", vectors=wrong)
        with pytest.raises(VectorError, match=said):
            desk.identify(vectors=wrong)
        assert "new" not in desk.list()


def test_a_picture_given_to_bare_vectors_is_refused(gallery: Path, tmp_path: Path) -> None:
    with holotype.open(gallery) as desk, pytest.raises(GalleryError, match="bare vectors"):
        desk.identify(np.zeros((9, 9), np.uint8))
    with pytest.raises(GalleryError, match="exclude one another"):
        holotype.open(tmp_path / "other.gallery", "characters", dim=D)


def test_a_visitor_is_decided_once_on_the_mean_of_what_the_pictures_reach(gallery: Path) -> None:
    with holotype.open(gallery) as desk:
        pictures = np.stack([again(things(0)[3], seed) for seed in range(6)])
        each = desk.identify(vectors=pictures, fpir=0.1)
        once = desk.identify_visitor(pictures, 0.1)
        assert (once.answer, once.label) == ("match", "thing 3")
        assert once.similarity == pytest.approx(np.mean([one.similarity for one in each]), abs=1e-5)
        assert once.threshold == each[0].threshold
        alone = desk.identify_visitor(pictures[0], 0.1)
        assert alone.similarity == pytest.approx(each[0].similarity)
        # Who is like one on one picture, and like another on the next, is like nobody.
        mixed = desk.identify_visitor(things(0)[:8], 0.1)
        assert mixed.answer == "unknown"
        with pytest.raises(VectorError, match="zero"):
            desk.identify_visitor(np.zeros((2, D)))
