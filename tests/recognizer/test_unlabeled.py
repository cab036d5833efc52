"""Unlabeled pictures: shown first, stored as numbers, counted at once, and taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import ImageError
from holotype.recognizer import calibrate_unlabeled
from holotype.records import UnlabeledCalibration

N, D = 30, 64
OF_HERE = 60 * np.eye(D)[-1]  # what all pictures of the place share


def things(count: int) -> np.ndarray:
    drawn = 5 * np.random.default_rng(0).normal(size=(count, D))
    drawn[:, -1] = 0
    return drawn


def here(shown: np.ndarray, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shown.shape)
    return shown + 1.5 * noise + OF_HERE


def test_they_are_shown_first_and_count_until_they_are_removed(tmp_path: Path) -> None:
    every = things(200)
    with holotype.open(tmp_path / "any.gallery", dim=D) as desk:
        for number in range(N):
            desk.enroll(f"thing {number}", vectors=every[number])
        pictures = here(every[np.random.default_rng(2).integers(2 * N, size=200)])
        shown: list[UnlabeledCalibration] = []
        refused = calibrate_unlabeled(
            desk, vectors=pictures, accept=lambda change: bool(shown.append(change))
        )
        assert refused == shown[0]
        assert refused.batch is None
        assert desk.gallery.stranger_batches() == ()
        done = calibrate_unlabeled(desk, vectors=pictures, actor="clerk")
        assert desk.gallery.audit()[-1].actor == "clerk"
        assert (done.pictures, done.pictures_in_all) == (200, 200)
        assert 40 <= done.visitors <= 80
        assert done.strangers == pytest.approx(0.5, abs=0.25)
        assert done.another_kind
        assert (done.rates[0].rate, done.rates[0].known) == (0.1, "estimated")
        one = desk.identify(vectors=here(every[3], seed=5), fpir=0.1)
        assert one.basis is not None
        assert (one.basis.known, one.basis.source) == ("estimated", "unlabeled")
    # Another process sees the same, and can take it back.
    with holotype.open(tmp_path / "any.gallery") as desk:
        assert desk.identify(vectors=every[3], fpir=0.1).basis.source == "unlabeled"
        assert desk.gallery.remove_strangers(done.batch) == 200
        assert desk.identify(vectors=every[3], fpir=0.1).basis.source == "enrolled"


def test_bad_input(tmp_path: Path, pack: Path) -> None:
    with holotype.open(tmp_path / "desk.gallery", model=pack) as desk:
        with pytest.raises(ImageError, match="no image"):
            calibrate_unlabeled(desk)
        nothing = np.full((40, 40), 255, np.uint8)
        with pytest.raises(ImageError, match="skip-unusable"):
            calibrate_unlabeled(desk, [nothing])
        assert desk.gallery.stranger_batches() == ()
