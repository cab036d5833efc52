""" "This is not her" sticks, and so does who it was: through restarts, and until it is undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import GalleryError, ImageError, LabelError
from holotype.gallery import SqliteGallery
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.recognizer import calibrate, feedback, undo_feedback
from holotype.records import Decision

DIM = 64
RATE = 0.25


def unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


AXES = np.linalg.qr(np.random.default_rng(0).standard_normal((DIM, DIM)))[0].T


def base(seed: int) -> np.ndarray:
    """Below 20: people, alike to one another by 0.3. From 20 on: alike to nobody."""
    own = AXES[1 + seed % (DIM - 1)]
    return unit(0.55 * AXES[0] + 0.835 * own if seed < 20 else own)


def near(seed: int, alike: float, other: int = 25) -> np.ndarray:
    """A vector that is so alike to that of a seed, and less to all others."""
    return unit(alike * base(seed) + np.sqrt(1 - alike**2) * base(other + seed))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "door.gallery"


@pytest.fixture
def door(path: Path) -> holotype.Recognizer:
    """A gallery of bare vectors, in which those who are enrolled are hardly alike."""
    with holotype.open(path, dim=DIM) as recognizer:
        for number in range(8):
            recognizer.enroll(f"p{number}", vectors=base(number))
        yield recognizer


def asked(recognizer: holotype.Recognizer, vector: np.ndarray) -> Decision:
    (decision,) = recognizer.identify(vectors=vector[None], fpir=RATE)
    return decision


def seen(recognizer: holotype.Recognizer) -> list[tuple[object, ...]]:
    """What is answered to everybody, to the bit, but for the signed ids."""
    probes = np.stack([near(n, alike) for n in range(10) for alike in (0.95, 0.6, 0.3)])
    decisions = recognizer.identify(vectors=probes, fpir=RATE)
    return [
        (d.answer, d.label, d.similarity, d.threshold, d.candidates, d.reasons, d.basis)
        for d in decisions
    ]


def test_who_was_wrongly_taken_for_somebody_is_not_again(path: Path, door) -> None:
    visitor = near(1, 0.8)
    before = seen(door)
    wrong = asked(door, visitor)
    assert (wrong.answer, wrong.label) == ("match", "p1")
    given = feedback(door, wrong, correct=False, vectors=visitor)
    assert (given.added, given.strangers, given.reasons) == (0, 1, ())
    assert [doubt.code for doubt in given.doubts] == ["like_enrolled"]
    with holotype.open(path) as again:  # as after a restart
        for recognizer in (door, again):
            for probe in (visitor, unit(visitor + 0.1 * base(60))):
                decision = asked(recognizer, probe)
                assert (decision.answer, decision.label) == ("unknown", None)
                assert [reason.code for reason in decision.reasons][:2] == [
                    "turned_away",
                    "above_threshold",
                ]
                claim = recognizer.verify("p1", vectors=probe, fmr=RATE)
                assert claim.answer == "unknown"
            assert asked(recognizer, near(1, 0.95, other=50)).label == "p1"
        (batch,) = again.gallery.stranger_batches()
        assert (batch.vectors, batch.decision) == (1, given.decision)
        assert again.gallery.snapshot().strangers.turned.tolist() == [True]
        assert again.gallery.undo().strangers == 1
        assert seen(again) == seen(door) == before
    assert asked(door, visitor).label == "p1"
    assert visitor.tobytes() not in path.read_bytes()


def test_undo_feedback_takes_a_stranger_back(path: Path, door) -> None:
    visitor = near(1, 0.8)
    before = seen(door)
    given = feedback(door, asked(door, visitor), correct=False, vectors=visitor)
    assert seen(door) != before
    assert undo_feedback(door, given.decision) == 0
    assert seen(door) == before
    assert door.gallery.stranger_batches() == ()
    assert visitor.tobytes() not in path.read_bytes()
    assert door.gallery.check().sound


def test_those_who_were_turned_away_set_no_thresholds(door) -> None:
    """They were picked by what was answered: a bad sample of strangers."""
    before = asked(door, base(61))
    for number in range(6):
        visitor = near(number, 0.6 + 0.05 * number)
        given = feedback(door, asked(door, visitor), correct=False, vectors=visitor, stranger=True)
        assert given.strangers == 1
    after = asked(door, base(61))
    assert (after.threshold, after.basis) == (before.threshold, before.basis)
    # Beside them the owner's own strangers do, as without them.
    strangers = np.stack([near(number, 0.5, other=40) for number in range(5)])
    alone = calibrate(door, vectors=strangers, suspects="keep", accept=lambda _: False)
    calibrate(door, vectors=strangers, suspects="keep")
    decision = asked(door, base(61))
    assert (decision.basis.source, decision.basis.own_classes) == ("site", 5)
    assert alone.classes_in_all == 5
    assert decision.threshold == pytest.approx(0.5, abs=1e-3)


def test_an_unknown_that_is_right_is_a_stranger_as_well(door) -> None:
    nobody = base(62)
    decision = asked(door, nobody)
    assert decision.answer == "unknown"
    given = feedback(door, decision, correct=True, vectors=nobody)
    assert (given.strangers, given.doubts) == (1, ())
    again = feedback(door, asked(door, nobody), correct=True, vectors=nobody)
    assert [reason.code for reason in again.reasons] == ["known_stranger"]
    assert len(door.gallery.feedbacks()) == 2  # both count


def test_an_unknown_that_was_somebody_becomes_an_example_with_its_doubts(path, door) -> None:
    probe = near(2, 0.2)
    missed = asked(door, probe)
    assert missed.answer == "unknown"
    before = seen(door)
    given = feedback(door, missed, correct=False, vectors=probe, truth="p2")
    assert (given.added, given.label, given.strangers) == (1, "p2", 0)
    assert "below_gate" in [doubt.code for doubt in given.doubts]
    (added,) = [one for one in door.gallery.examples("p2") if one.decision]
    assert added.decision == given.decision
    with holotype.open(path) as again:
        assert asked(again, probe).candidates[0] == holotype.Candidate(
            "p2", asked(again, probe).similarity, added.id
        )
    door.gallery.undo()
    assert seen(door) == before
    assert probe.tobytes() not in path.read_bytes()


def test_a_wrong_match_whose_truth_is_told_goes_through_the_gate(door) -> None:
    both = unit(base(1) + 0.97 * base(3))  # as alike to p3, nearly
    wrong = asked(door, both)
    assert wrong.label == "p1"
    given = feedback(door, wrong, correct=False, vectors=both, truth="p3")
    assert (given.added, given.label) == (1, "p3")  # that p1 is nearer does not count
    far = near(1, 0.9)
    given = feedback(door, asked(door, far), correct=False, vectors=far, truth="p5")
    assert given.added == 0
    assert "below_gate" in [reason.code for reason in given.reasons]
    assert len(door.gallery.feedbacks()) == 2


def test_who_may_be_another_of_the_enrolled_is_no_stranger_unless_said(door) -> None:
    both = unit(base(1) + 0.97 * base(3))
    wrong = asked(door, both)
    given = feedback(door, wrong, correct=False, vectors=both)
    assert given.strangers == 0
    assert [reason.code for reason in given.reasons] == ["may_be_enrolled"]
    undo_feedback(door, given.decision)
    given = feedback(door, wrong, correct=False, vectors=both, stranger=True)
    assert given.strangers == 1
    assert {doubt.code for doubt in given.doubts} == {"like_enrolled"}


def test_the_very_picture_of_an_example_is_no_stranger(door) -> None:
    given = feedback(door, asked(door, base(1)), correct=False, vectors=base(1))
    assert given.strangers == 0
    assert given.reasons[0].text == "it is the same picture as example 2 of p1"


def test_what_is_learned_goes_with_whom_it_is_about(path: Path, door) -> None:
    visitor, probe = near(1, 0.8), near(1, 0.2)
    feedback(door, asked(door, visitor), correct=False, vectors=visitor)
    feedback(door, asked(door, probe), correct=False, vectors=probe, truth="p1")
    other = near(2, 0.8)
    feedback(door, asked(door, other), correct=False, vectors=other)
    door.forget("p1")
    content = path.read_bytes()
    for gone in (visitor, probe, base(1)):
        assert gone.tobytes() not in content
    assert other.tobytes() in content
    assert {one.identity for one in door.gallery.feedbacks()} >= {None}
    assert len(door.gallery.feedbacks()) == 3
    assert door.gallery.check().sound
    plan = door.gallery.undo()  # the review of the other one
    assert (plan.action, plan.strangers) == ("feedback", 1)
    assert [line.action for line in plan.final] == ["forget"]


def test_also_of_whom_it_was_merged_from(path: Path, door) -> None:
    visitor = near(1, 0.8)
    feedback(door, asked(door, visitor), correct=False, vectors=visitor)
    door.gallery.merge("p1", "p2")
    door.gallery.merge("p2", "p3")
    assert visitor.tobytes() in path.read_bytes()
    door.forget("p3")
    assert visitor.tobytes() not in path.read_bytes()
    assert [one.identity for one in door.gallery.feedbacks()] == [None]
    assert door.gallery.check().sound


def test_whoever_is_enrolled_after_being_turned_away_comes_with_a_warning(door) -> None:
    visitor = near(1, 0.8)
    feedback(door, asked(door, visitor), correct=False, vectors=visitor)
    done = door.enroll("new", vectors=visitor)
    assert "was_turned_away" in [warning.code for warning in done.warnings]
    done = door.enroll("another", vectors=base(60))
    assert "was_turned_away" not in [warning.code for warning in done.warnings]


@pytest.mark.parametrize(
    ("answer", "arguments", "error", "words"),
    [
        ("match", {"correct": True, "truth": "p1"}, GalleryError, "contradiction"),
        ("match", {"correct": True, "stranger": True}, GalleryError, "contradiction"),
        ("match", {"correct": False, "truth": "p2", "stranger": True}, GalleryError, "contradict"),
        ("match", {"correct": False, "truth": "p1"}, GalleryError, "Then it was right"),
        ("match", {"correct": False, "truth": "nobody"}, LabelError, "not among the 8 enrolled"),
        ("match", {"correct": False, "truth": ""}, LabelError, "visible"),
        ("unknown", {"correct": True, "truth": "p1"}, GalleryError, "contradiction"),
        ("unknown", {"correct": False, "stranger": True}, GalleryError, "contradiction"),
        ("unknown", {"correct": False, "truth": "p1", "shown": False}, ImageError, "no picture"),
        ("match", {"correct": False, "stranger": True, "shown": False}, ImageError, "no picture"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_stored(
    path: Path, door, answer: str, arguments, error, words: str
) -> None:
    probe = near(1, 0.8) if answer == "match" else base(62)
    decision = asked(door, probe)
    assert decision.answer == answer
    shown = arguments.pop("shown", True)
    before = path.read_bytes()
    with pytest.raises(error, match=words):
        feedback(door, decision, vectors=probe if shown else None, **arguments)
    assert path.read_bytes() == before


def test_a_wrong_unknown_without_the_truth_teaches_nothing(door) -> None:
    probe = near(2, 0.2)
    given = feedback(door, asked(door, probe), correct=False, vectors=probe)
    assert [reason.code for reason in given.reasons] == ["not_confirmed"]
    assert door.gallery.snapshot().strangers.vectors.shape == (0, DIM)


def test_a_review_of_two_processes_is_stored_once(path: Path, door) -> None:
    visitor = near(1, 0.8)
    token = asked(door, visitor).id
    with holotype.open(path) as other:
        feedback(other, token, correct=False, vectors=visitor)
        with pytest.raises(GalleryError, match="reviewed once"):
            feedback(door, token, correct=False, vectors=visitor)
        assert asked(door, visitor).answer == "unknown"
    with SqliteGallery.existing(path) as kept:
        assert kept.check().sound


def test_turning_away_only_ever_turns_away() -> None:
    """The one rule, on arrays: with it no probe is accepted that was not accepted without it."""
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((400, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    matcher = Matcher.of(CohortModel.of(Cohort.none(16)), rows[:40])
    probes = np.concatenate([rows[:40], rows[40:]])
    without = matcher.match(probes, 0.5)
    turning = matcher.turning_away(rows[100:140])
    found = turning.match(probes, 0.5)
    assert without.turned is None
    assert not (found.accepted & ~without.accepted).any()
    assert found.turned is not None
    np.testing.assert_array_equal(found.turned, without.accepted & ~found.accepted)
    assert not found.accepted[100:140].any()
    assert found.accepted[:40].all()  # nobody is more alike to a stranger than to itself
    np.testing.assert_array_equal(found.threshold, without.threshold)
    assert turning.turning_away(rows[:0]).match(probes, 0.5).turned is None
