"""What a decision says of itself: in short, of whom its rate is known, and who comes next."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import holotype
from holotype.errors import ImageError
from holotype.recognizer import calibrate, same
from toy_packs import toy_drawing

RATE = 0.1


def test_the_repr_of_a_decision_is_short_and_hides_the_token(desk: holotype.Recognizer) -> None:
    match = desk.identify(toy_drawing(1), fpir=RATE)
    assert repr(match) == (
        f"Decision(match 'c1', similarity 1.000, accepted from {match.threshold:.3f}, "
        "fpir 0.1, estimated)"
    )
    stranger = desk.identify(toy_drawing(200), fpir=RATE)
    assert repr(stranger).startswith(f"Decision(unknown, nearest {stranger.candidates[0].label!r} ")
    (unread,) = desk.identify([b"junk"], fpir=RATE)
    assert "cannot_tell" in repr(unread)
    assert "unreadable" in repr(unread)
    for decision in (match, stranger, unread):
        assert len(decision.id) > 100
        assert decision.id not in repr(decision)
        assert len(repr(decision)) < 120
    for label in desk.list():
        desk.forget(label)
    assert repr(desk.identify(toy_drawing(1))) == "Decision(unknown, fpir 0.01)"


def test_a_decision_names_whose_pictures_set_its_threshold(desk: holotype.Recognizer) -> None:
    enrolled = len(desk.list())
    first = desk.identify(toy_drawing(0)).basis
    assert first is not None
    assert (first.known, first.source, first.enrolled) == ("estimated", "cohort", enrolled)
    assert (first.data, first.cohort_classes, first.own_classes) == ("toy", 40, 0)
    assert first.smallest_guaranteed == pytest.approx(2 / (enrolled + 1))
    # Five enrolled leave a doubt about the cohort, for whoever states a rate.
    stated = desk.identify(toy_drawing(0), fpir=RATE).basis
    assert stated is not None
    assert (stated.known, stated.source) == ("estimated", "enrolled")
    # Whoever is enrolled is a stranger to the others.
    loose = desk.identify(toy_drawing(0), fpir=first.smallest_guaranteed).basis
    assert loose is not None
    assert (loose.known, loose.source) == ("guaranteed", "enrolled")
    calibrate(desk, [toy_drawing(400 + i) for i in range(9)], suspects="keep")
    mine = desk.identify(toy_drawing(0), fpir=RATE).basis
    assert mine is not None
    assert (mine.known, mine.source, mine.own_classes) == ("guaranteed", "site", 9)
    assert mine.smallest_guaranteed == pytest.approx(1 / 10)
    claimed = desk.verify("c0", toy_drawing(0), fmr=RATE).basis
    assert claimed is not None
    assert (claimed.known, claimed.source) == ("guaranteed", "site")


def test_the_nearest_other_is_never_the_best_itself(desk: holotype.Recognizer) -> None:
    for probe in (toy_drawing(1), toy_drawing(200)):
        decision = desk.identify(probe, fpir=RATE)
        assert decision.nearest_other == decision.candidates[1]
    assert desk.verify("c1", toy_drawing(1), fmr=RATE).nearest_other is None


def test_two_pictures_are_the_same_or_not_as_verify_says(
    desk: holotype.Recognizer, tmp_path: Path, pack: Path
) -> None:
    before = os.listdir(tmp_path)
    alike = same(toy_drawing(1), toy_drawing(1), pack, fmr=RATE)
    assert (alike.answer, alike.label, alike.id) == ("match", "the first picture", "")
    assert alike.similarity == pytest.approx(1, abs=1e-4)
    other = same(toy_drawing(1), toy_drawing(200), pack, fmr=RATE)
    assert other.answer == "unknown"
    assert other.basis is not None
    assert (other.basis.known, other.basis.source) == ("estimated", "cohort")
    with holotype.open(tmp_path / "one.gallery", pack) as one:
        one.enroll("c1", toy_drawing(1))
        assert other.threshold == one.verify("c1", toy_drawing(200), fmr=RATE).threshold
    for pair in ((b"junk", toy_drawing(1)), (toy_drawing(1), b"junk")):
        with pytest.raises(ImageError, match="not a picture"):
            same(*pair, pack, fmr=RATE)
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "one.gallery"])
