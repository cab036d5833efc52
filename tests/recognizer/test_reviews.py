"""Feedback counts, teaches through a gate only, and can be taken back."""

from __future__ import annotations

import numpy as np
import pytest

import holotype
from holotype.errors import GalleryError
from holotype.recognizer import feedback, review, undo_feedback
from holotype.stats.share_interval import interval
from toy_packs import toy_drawing

RATE = 0.1


def test_a_decision_carries_a_signed_id(desk: holotype.Recognizer) -> None:
    one, other = desk.identify([toy_drawing(1), toy_drawing(1)], fpir=RATE)
    assert one.id
    assert one.id != other.id
    assert desk.verify("c1", toy_drawing(1), fmr=RATE).id
    with pytest.raises(GalleryError, match="not the id"):
        feedback(desk, one.id[:-3] + "AAA", correct=True)
    with pytest.raises(GalleryError, match="not the id"):
        feedback(desk, "no such decision", correct=False)


def test_reviews_are_counted_and_given_once(desk: holotype.Recognizer) -> None:
    match = desk.identify(toy_drawing(1), fpir=RATE)
    assert feedback(desk, match, correct=False).added == 0
    with pytest.raises(GalleryError, match="reviewed once"):
        feedback(desk, match.id, correct=True)
    for stranger in desk.identify([toy_drawing(200), toy_drawing(201)], fpir=RATE):
        assert stranger.answer == "unknown"
        feedback(desk, stranger, correct=True)
    missed = desk.identify(toy_drawing(202), fpir=RATE)
    feedback(desk, missed, correct=False)
    (row,) = review(desk)
    assert (row.rate_kind, row.rate) == ("fpir", RATE)
    assert (row.matches, row.accepted, row.unknowns, row.missed) == (1, 1, 3, 1)
    assert row.strangers == 3
    assert row.value == pytest.approx(1 / 3)
    assert row.low < 1 / 3 < row.high
    assert undo_feedback(desk, match) == 0
    assert review(desk)[0].value == 0


def test_a_confirmed_sure_match_becomes_an_example_and_undo_takes_it_back(
    desk: holotype.Recognizer,
) -> None:
    probe = toy_drawing(2, drawer=5)
    decision = desk.identify(toy_drawing(2), fpir=RATE)
    given = feedback(desk, decision, correct=True, image=toy_drawing(2, drawer=14))
    assert (given.added, given.reasons) == (1, ())
    assert desk.list()["c2"] == 2
    assert undo_feedback(desk, given.decision) == 1
    assert desk.list()["c2"] == 1
    assert desk.gallery.verify_audit().intact
    assert desk.identify(probe, fpir=RATE).candidates[0].label == "c2"


def test_a_picture_that_is_stored_already_is_no_other_example(desk: holotype.Recognizer) -> None:
    decision = desk.identify(toy_drawing(2), fpir=RATE)
    given = feedback(desk, decision, correct=True, image=toy_drawing(2))
    assert (given.added, [reason.code for reason in given.reasons]) == (0, ["already_stored"])
    assert desk.list()["c2"] == 1


@pytest.mark.parametrize(
    ("correct", "picture", "code"),
    [
        (False, toy_drawing(2), "same_as_example"),
        (True, toy_drawing(3), "another_is_nearer"),
        (True, toy_drawing(250), "below_gate"),
        (True, np.random.default_rng(0).random((64, 64)), "low_quality_ink"),
    ],
)
def test_a_wrong_picture_does_not_drag_the_reference_away(
    desk: holotype.Recognizer, correct: bool, picture: np.ndarray, code: str
) -> None:
    decision = desk.identify(toy_drawing(2), fpir=RATE)
    before = desk.gallery.snapshot().vectors
    given = feedback(desk, decision, correct, image=picture)
    assert given.added == 0
    assert code in {reason.code for reason in given.reasons}
    np.testing.assert_array_equal(desk.gallery.snapshot().vectors, before)
    assert len(desk.gallery.feedbacks()) == 1  # the review itself counts


def test_who_was_forgotten_gains_no_example(desk: holotype.Recognizer) -> None:
    match = desk.identify(toy_drawing(2), fpir=RATE)
    desk.forget("c2")
    given = feedback(desk, match, correct=True, image=toy_drawing(2))
    assert [reason.code for reason in given.reasons] == ["not_confirmed"]
    assert "c2" not in desk.list()


def test_an_unreadable_picture_leaves_no_half_of_a_review(desk: holotype.Recognizer) -> None:
    decision = desk.identify(toy_drawing(2), fpir=RATE)
    with pytest.raises(holotype.HolotypeError):
        feedback(desk, decision, correct=True, image=b"no picture")
    assert review(desk) == ()


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.3085),  # 1 - 0.025 ** (1 / 10)
        (1, 10, 0.0025, 0.4450),  # the table of Clopper and Pearson
        (10, 10, 0.6915, 1.0),
        (3, 1000, 0.0006, 0.0087),
    ],
)
def test_the_interval_is_exact(hits: int, trials: int, low: float, high: float) -> None:
    assert interval(hits, trials) == pytest.approx((low, high), abs=1e-4)
