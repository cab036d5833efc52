"""Each stored picture is left out and asked: what is missed, who is confused, who needs another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.recognizer import feedback, lint
from holotype.recognizer.leave_one_out import left_out
from holotype.stats.scoring import unit

N, D = 30, 64
THINGS = 5 * np.random.default_rng(0).normal(size=(N + 5, D))


def again(thing: np.ndarray, seed: int) -> np.ndarray:
    return thing + 1.5 * np.random.default_rng(seed).normal(size=thing.shape)


def test_a_picture_of_somebody_else_is_found_and_so_are_twins(tmp_path: Path) -> None:
    with holotype.open(tmp_path / "any.gallery", dim=D) as desk:
        for at in range(N):
            desk.enroll(f"thing {at}", vectors=THINGS[at])
            desk.enroll(f"thing {at}", vectors=again(THINGS[at], at or 200))
        desk.enroll("thing 3", vectors=THINGS[N])  # of somebody who is not enrolled
        desk.enroll("thing 4", vectors=again(THINGS[5], 99))  # of another one
        desk.enroll("double", vectors=again(THINGS[7], 98))
        found = lint(desk, 0.3)
        assert (found.rate, found.pictures, found.checked) == (0.3, 2 * N + 3, 2 * N + 2)
        told = {(one.label, one.number): one.taken_for for one in found.missed}
        assert told[("thing 3", 3)] is None
        assert told[("thing 4", 3)] == "thing 5"
        assert ("thing 8", 1) not in told
        assert all(one.own < 0.9 for one in found.missed)
        pairs = {pair.labels for pair in found.confusions}
        assert ("thing 4", "thing 5") in pairs
        assert ("thing 7", "double") in pairs
        assert "double" in {need.label for need in found.needs}


def test_this_is_not_her_weighs(tmp_path: Path) -> None:
    """A picture that a stranger of a review would turn away is named, and so is who needs more."""
    visitor = again(THINGS[3], 300)
    with holotype.open(tmp_path / "any.gallery", dim=D) as desk:
        for at in range(N):
            desk.enroll(f"thing {at}", vectors=THINGS[at])
            desk.enroll(f"thing {at}", vectors=again(THINGS[at], at or 200))
        desk.enroll("thing 3", vectors=again(visitor, 301))  # the visitor's, by mistake
        before = lint(desk, 0.3)
        assert all(one.stranger is None for one in before.missed)
        assert "thing 3" not in {need.label for need in before.needs}
        decision = desk.identify(vectors=visitor, fpir=0.3)
        assert decision.label == "thing 3"
        feedback(desk, decision, correct=False, vectors=visitor)
        found = lint(desk, 0.3)
        (new,) = set(found.missed) - set(before.missed)
        assert (new.label, new.number, new.taken_for) == ("thing 3", 3, None)
        assert new.stranger > new.own
        (example,) = (one.id for one in desk.gallery.examples("thing 3")[2:])
        assert new.example == example
        assert {n.label for n in found.needs} - {n.label for n in before.needs} == {"thing 3"}
        desk.gallery.undo()
        assert lint(desk, 0.3) == before


def test_an_example_is_compared_with_the_others_of_its_identity() -> None:
    vectors = unit(np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32))
    owner = np.array([0, 1, 0, 0, 1])
    prototypes = unit(np.stack([vectors[owner == at].sum(axis=0) for at in (0, 1)]))
    matcher = holotype.openset.Matcher.of(
        holotype.openset.CohortModel.of(holotype.openset.Cohort.none(8)),
        prototypes,
        np.array([3, 2]),
        exemplars=vectors[[0, 1]],
    )
    compared, own, other = left_out(matcher, vectors, owner)
    assert own[1] == pytest.approx(vectors[4] @ vectors[1], abs=1e-6)
    assert own[0] == pytest.approx(unit(vectors[2] + vectors[3]) @ vectors[0], abs=1e-6)
    assert other[0] == pytest.approx(prototypes[1] @ vectors[0], abs=1e-6)
    np.testing.assert_allclose(compared.similarity[:, 0], np.maximum(own, other))


def test_few_are_no_error(tmp_path: Path) -> None:
    with holotype.open(tmp_path / "any.gallery", dim=D) as desk:
        assert lint(desk).pictures == 0
        desk.enroll("one", vectors=THINGS[0])
        assert (lint(desk).pictures, lint(desk).checked) == (1, 0)
        desk.enroll("one", vectors=again(THINGS[0], 1))
        assert lint(desk).checked == 2
