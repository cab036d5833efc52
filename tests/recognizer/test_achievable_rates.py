"""What a gallery says of itself: what is guaranteed, by whom, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import RateError
from holotype.openset import scatter
from holotype.recognizer import calibrate, drift, stated, status
from holotype.records import Drift

DIM = 64
Bare = Callable[[np.ndarray], holotype.Recognizer]


def drawn(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    """Opens a new gallery of these vectors, one an identity."""

    def make(vectors: np.ndarray) -> holotype.Recognizer:
        recognizer = holotype.open(tmp_path / "bare.gallery", dim=DIM)
        for number, vector in enumerate(vectors):
            recognizer.enroll(f"v{number}", vectors=vector)
        return recognizer

    return make


def test_what_is_guaranteed_and_what_would_guarantee_more(bare: Bare) -> None:
    with bare(drawn(25)) as recognizer:
        found = status(recognizer)
        assert (found.enrolled, found.examples, found.own_classes) == (25, 25, 0)
        assert found.guaranteed == pytest.approx(2 / 26)
        assert (found.target, found.missing_enrolled, found.missing_strangers) == (0.01, 174, 99)
        known = {row.rate: (row.known, row.source) for row in found.rates}
        assert known[0.3] == known[0.1] == ("guaranteed", "enrolled")
        assert known[0.01][0] != "guaranteed"
        bands = {row.rate: row.band for row in found.rates}
        assert bands[0.1] == pytest.approx(scatter.band(0.1, 26, 0.5))
        assert bands[0.01] is None  # no rank carries it
        assert found.cohort_contradicted is None  # bare vectors have none
        assert found.crowding is None
        calibrate(recognizer, vectors=drawn(99, seed=1), suspects="keep")
        found = status(recognizer)
        assert found.guaranteed == pytest.approx(0.01)
        assert found.rates[-1].band == pytest.approx(scatter.band(0.01, 100, 1))
        assert (found.own_classes, found.missing_enrolled, found.missing_strangers) == (99, 0, 0)


def test_several_examples_are_estimated_whatever_their_number(bare: Bare) -> None:
    with bare(drawn(25)) as recognizer:
        recognizer.enroll("v0", vectors=drawn(1, seed=2))
        found = status(recognizer)
    assert found.guaranteed == 1
    assert found.missing_enrolled is None
    assert {row.known for row in found.rates if row.rate >= 0.1} == {"estimated"}


def test_a_pair_that_turns_everybody_away_is_named(bare: Bare) -> None:
    vectors = drawn(25)
    vectors[7] = vectors[3] + 0.05 * vectors[7]
    with bare(vectors) as recognizer:
        crowding = status(recognizer).crowding
        assert crowding is not None
        assert crowding.labels == ("v3", "v7")
        assert crowding.similarity > 0.99
        assert crowding.threshold > 0.99
        assert crowding.without_one < 0.8
        recognizer.forget("v7")
        found = status(recognizer)
    assert found.crowding is None
    assert found.usual.threshold == pytest.approx(crowding.without_one)


def test_an_empty_gallery_knows_nothing(tmp_path: Path) -> None:
    with holotype.open(tmp_path / "bare.gallery", dim=DIM) as recognizer:
        found = status(recognizer)
    assert (found.enrolled, found.guaranteed, found.estimated, found.rates) == (0, 1, 1, ())
    assert (found.missing_enrolled, found.missing_strangers) == (199, 99)


def test_a_gallery_of_another_world_contradicts_the_cohort(tmp_path: Path, pack: Path) -> None:
    # All of them near one direction, where the cohort of drawings is spread.
    with holotype.open(tmp_path / "desk.gallery", model=pack) as recognizer:
        alike = np.ones(recognizer.embedding_dim) + 0.05 * np.random.default_rng(0).normal(
            size=(8, recognizer.embedding_dim)
        )
        for number, vector in enumerate(alike):
            recognizer.enroll(f"a{number}", vectors=vector.astype(np.float32))
        found = status(recognizer)
    assert found.cohort_contradicted
    assert "cohort" not in {row.source for row in found.rates}


def test_with_confidence_a_decision_is_stricter_and_says_so(bare: Bare) -> None:
    with bare(drawn(40)) as recognizer:
        probe = drawn(1, seed=5)[0]
        plain = recognizer.identify(vectors=probe, fpir=0.2)
        sure = recognizer.identify(vectors=probe, fpir=0.2, confidence="80%")
        assert (plain.confidence, sure.confidence) == (None, 0.8)
        assert (plain.rate, sure.rate) == (0.2, 0.2)
        assert sure.threshold > plain.threshold
        assert (plain.basis.known, sure.basis.known) == ("guaranteed", "estimated")
        with pytest.raises(RateError, match=r"confidence=0\.8 is of a stated rate"):
            recognizer.identify(vectors=probe, confidence=0.8)
        with pytest.raises(RateError, match="confidence=1 is not between 0 and 1"):
            recognizer.identify(vectors=probe, fpir=0.2, confidence=1)
        claim = recognizer.list().popitem()[0]
        plain = recognizer.verify(claim, vectors=probe, fmr=0.2)
        sure = recognizer.verify(claim, vectors=probe, fmr=0.2, confidence=0.8)
        assert (plain.confidence, sure.confidence, sure.rate) == (None, 0.8, 0.2)
        assert sure.threshold > plain.threshold
        with pytest.raises(RateError, match=r"confidence=0\.8 is of a stated rate"):
            recognizer.verify(claim, vectors=probe, confidence=0.8)


def test_probes_unlike_the_examples_are_told_of_since_the_gallery_was_opened(bare: Bare) -> None:
    with bare(drawn(40)) as recognizer:
        assert drift(recognizer) == Drift(0, None, 1.0)
        recognizer.identify(vectors=drawn(60, seed=7), fpir=0.1)
        assert status(recognizer).drift.direction is None
        assert stated(recognizer, 0.1).drift.probes > 20
        # Each between two of the enrolled, as none of the examples is.
        recognizer.identify(vectors=drawn(40) + 0.7 * np.roll(drawn(40), 1, axis=0), fpir=0.1)
        found = status(recognizer).drift
        assert (found.direction, found.p_value < 0.01) == ("more alike", True)
