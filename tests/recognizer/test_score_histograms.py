"""What impostors of each kind reach, counted over one axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.recognizer import calibrate, calibrate_unlabeled, scores

DIM = 64


def drawn(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "bare.gallery"


def test_all_are_counted_on_one_axis_and_stricter_rates_lie_higher(place: Path) -> None:
    vectors = drawn(25)
    with holotype.open(place, dim=DIM) as recognizer:
        for number, vector in enumerate(vectors):
            recognizer.enroll(f"v{number}", vectors=vector)
        recognizer.identify(vectors=drawn(60, seed=7), fpir=0.1)
        calibrate(recognizer, vectors=drawn(19, seed=1), suspects="keep")
        calibrate_unlabeled(recognizer, vectors=drawn(30, seed=2))
        found = scores(recognizer)
    kinds = {one.source: one for one in found.histograms}
    assert list(kinds) == ["enrolled", "site", "unlabeled", "asked"]  # bare vectors: no cohort
    assert (found.enrolled, kinds["enrolled"].count, kinds["site"].count) == (25, 25, 19)
    assert kinds["asked"].count == found.drift.probes > 10
    assert -1 <= found.edges[0] < found.edges[-1] <= 1
    assert list(found.edges) == sorted(found.edges)
    for one in found.histograms:
        assert len(one.shares) == len(found.edges) - 1
        assert min(one.shares) >= 0
        assert sum(one.shares) == pytest.approx(1)
        assert found.edges[0] <= one.median <= one.tenth <= one.highest <= found.edges[-1]
    levels = [one.threshold for one in found.rates]
    assert [one.rate for one in found.rates] == [0.3, 0.1, 0.05, 0.01]
    assert levels == sorted(levels, key=lambda level: level or 0)
    # What the enrolled reach is what their vectors say.
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    among = unit @ unit.T
    np.fill_diagonal(among, -1)
    assert kinds["enrolled"].highest == pytest.approx(among.max(), abs=1e-5)
    assert kinds["enrolled"].median == pytest.approx(np.median(among.max(axis=1)), abs=1e-5)
    counted = np.histogram(among.max(axis=1), found.edges)[0] / 25
    assert kinds["enrolled"].shares == pytest.approx(counted)


def test_the_cohort_of_a_pack_is_one_of_them(place: Path, pack: Path) -> None:
    with holotype.open(place, model=pack) as recognizer:
        dim, classes = recognizer.embedding_dim, recognizer.model.cohort.classes
        for number, vector in enumerate(np.random.default_rng(0).normal(size=(5, dim))):
            recognizer.enroll(f"v{number}", vectors=vector)
        kinds = {one.source: one for one in scores(recognizer).histograms}
    assert list(kinds) == ["enrolled", "cohort"]
    assert kinds["cohort"].count == classes > 0


def test_of_fewer_than_three_nothing_is_drawn(place: Path) -> None:
    with holotype.open(place, dim=DIM) as recognizer:
        nobody = scores(recognizer)
        assert (nobody.enrolled, nobody.edges, nobody.histograms, nobody.rates) == (0, (), (), ())
        for number, vector in enumerate(drawn(3)):
            found = scores(recognizer)
            assert (found.enrolled, found.edges, found.histograms) == (number, (), ())
            recognizer.enroll(f"v{number}", vectors=vector)
        assert scores(recognizer).histograms[0].count == 3


def test_one_enrolled_twice_stays_on_the_axis(place: Path) -> None:
    with holotype.open(place, dim=DIM) as recognizer:
        for number, vector in enumerate(np.repeat(drawn(2), 2, axis=0)):
            recognizer.enroll(f"v{number}", vectors=vector)
        found = scores(recognizer)
    assert found.edges[-1] == 1
    assert found.histograms[0].shares[-1] == 1
