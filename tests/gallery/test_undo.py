"""What is undone is as it was, in its order and to the bit; what is erased stays erased."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery_users import DIM, FACTS, Hands, state
from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import SqliteGallery
from holotype.gallery.changes import MAX_CHANGES
from slow_readers import read_before_erasing

CHANGES = (
    *("enroll", "more", "rename", "merge", "move"),
    *("describe", "calibrate", "feedback", "lesson"),
)
ERASURES = ("forget", "forget_example", "uncalibrate", "take_back")


@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from((*CHANGES, "pictures")), min_size=1, max_size=14),
)
@settings(deadline=None, max_examples=30)
def test_every_change_is_undone_to_the_bit(tmp_path_factory, seed: int, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("undo") / "g"
    with (
        SqliteGallery.open(path, "m", DIM, model_name="m") as gallery,
        SqliteGallery.existing(path) as other,
    ):
        hands = Hands(gallery, seed)
        states = [state(gallery)]
        for name in ("enroll", "enroll", *names):
            before = len(gallery.audit())
            getattr(hands, name)()
            if gallery.last_change().line > before:  # it changed something
                states.append(state(gallery))
            assert state(gallery) == states[-1] == state(other)
        assert gallery.check().sound
        while len(states) > 1:
            plan = gallery.last_change()
            assert gallery.undo(expected=plan) == plan
            states.pop()
            assert state(gallery) == states[-1]
            assert state(other) == states[-1]
            with SqliteGallery.existing(path) as fresh:
                assert state(fresh) == states[-1]
            assert gallery.check().sound
        with pytest.raises(GalleryError, match="no change left that could be undone"):
            gallery.undo()
        assert gallery.check().sound
        assert path.stat().st_mode & 0o777 == 0o600


@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from((*CHANGES, *ERASURES, "undo")), min_size=4, max_size=24),
)
@settings(deadline=None, max_examples=60)
def test_with_erasures_in_between_nothing_is_left_half_or_comes_back(
    tmp_path_factory, seed: int, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("erased") / "g"
    with (
        SqliteGallery.open(path, "m", DIM, model_name="m", keep_pictures=True) as gallery,
        SqliteGallery.existing(path) as other,
    ):
        hands = Hands(gallery, seed)
        erased: list[bytes] = []
        for name in ("enroll", "enroll", "enroll", *names):
            if not gallery.labels():
                hands.do("enroll")
            label = hands.some()
            traces = hands.traces(label)
            if name == "forget":
                gallery.remove(label)
                erased += traces
            elif name != "undo" or _can_undo(gallery):
                hands.do(name)
            _require_whole(path, gallery, other)
            content = path.read_bytes()
            assert not [one for one in erased if one in content]
        while _can_undo(gallery):
            gallery.undo()
            _require_whole(path, gallery, other)
            content = path.read_bytes()
            assert not [one for one in erased if one in content]


def _can_undo(gallery: SqliteGallery) -> bool:
    try:
        gallery.last_change()
    except GalleryError:
        return False
    return True


def _require_whole(path: Path, gallery: SqliteGallery, other: SqliteGallery) -> None:
    found = gallery.check()
    assert found.sound, found
    assert state(other) == state(gallery)
    connection = sqlite3.connect(path)
    alive = {row[0] for row in connection.execute("SELECT id FROM identities")}
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert len(alive) == len(gallery.labels())  # none without an example


# -- what an erasure leaves to undo -------------------------------------------------------------


@pytest.fixture
def desk(gallery: SqliteGallery, rows) -> SqliteGallery:
    """Lines 2 to 4: Ada with examples 1 and 2, Bob with 3, Cy with 4."""
    gallery.add("Ada", rows(0, 2))
    gallery.add("Bob", rows(1))
    gallery.add("Cy", rows(2))
    return gallery


def test_an_undo_says_what_it_does(desk: SqliteGallery, rows) -> None:
    desk.rename("Ada", "Bea", actor="tester")
    plan = desk.last_change()
    assert (plan.line, plan.action, plan.actor) == (5, "rename", "tester")
    assert (plan.renamed, plan.final) == ((("Bea", "Ada"),), ())
    desk.merge("Bea", "Bob")
    plan = desk.undo()
    assert (plan.action, plan.back) == ("merge", ("Bea",))
    assert plan.moved == (("Bob", "Bea", 2),)
    assert desk.last_change().action == "rename"
    desk.move(2, "Dee")
    plan = desk.undo()
    assert (plan.gone, plan.moved) == (("Dee",), (("Dee", "Bea", 1),))
    desk.describe("Cy", add=["x"])
    assert desk.undo().described == ("Cy",)
    desk.add("Cy", rows(5, 2))
    plan = desk.undo()
    assert (plan.erased, plan.gone) == ((("Cy", 2),), ())
    desk.add_strangers(rows(6, 3), np.arange(3))
    assert desk.undo().strangers == 3
    desk.set_keep_pictures(True)
    assert desk.undo().keep_pictures is False
    assert desk.check().sound


def test_an_undone_enrollment_is_erased(path: Path, desk: SqliteGallery, rows) -> None:
    assert rows(2).tobytes() in path.read_bytes()
    plan = desk.undo()
    assert (plan.gone, plan.erased) == (("Cy",), (("Cy", 1),))
    assert rows(2).tobytes() not in path.read_bytes()
    assert b"Cy" not in path.read_bytes()
    assert [line.action for line in desk.audit()][-1] == "undo"


def test_what_was_merged_into_somebody_forgotten_is_gone_as_well(path, desk) -> None:
    desk.rename("Bob", "Robert")
    desk.merge("Ada", "Robert")
    desk.rename("Robert", "Roberta")
    desk.describe("Cy", add=["x"])
    content = path.read_bytes()
    assert b"Ada" in content  # what an undo needs
    assert b"Robert" in content
    desk.remove("Roberta")
    content = path.read_bytes()
    for label in (b"Ada", b"Bob", b"Robert"):
        assert label not in content
    plan = desk.last_change()
    assert (plan.action, plan.described) == ("describe", ("Cy",))
    assert [(line.sequence, line.action) for line in plan.final] == [(9, "forget")]
    desk.undo()
    desk.undo()  # the enrollment of Cy
    assert desk.labels() == {}
    with pytest.raises(GalleryError, match=r"forget \(line 9 of the audit trail\) was an erasure"):
        desk.undo()


def test_an_undo_names_what_cannot_be_restored(desk: SqliteGallery) -> None:
    desk.merge("Ada", "Bob")
    desk.remove_example(3)  # of Bob: the merge is final as well
    plan = desk.last_change()
    assert (plan.action, plan.gone) == ("enroll", ("Cy",))
    assert [line.action for line in plan.final] == ["merge", "forget"]
    desk.undo()
    with pytest.raises(GalleryError, match="was an erasure, which is final"):
        desk.undo()
    assert desk.labels() == {"Bob": 2}


def test_a_label_that_somebody_else_got_in_between(desk: SqliteGallery, rows) -> None:
    desk.merge("Ada", "Bob")
    desk.add("Ada", rows(7, 2))  # another Ada, examples 5 and 6
    desk.remove_example(5)
    while _can_undo(desk):
        desk.undo()
    assert desk.labels() == {"Bob": 3, "Ada": 1}
    assert desk.check().sound


def test_undo_of_nothing(gallery: SqliteGallery, open_gallery, path: Path) -> None:
    for ask in (gallery.last_change, gallery.undo):
        with pytest.raises(GalleryError, match="no change left that could be undone"):
            ask()
    assert [line.action for line in gallery.audit()] == ["create"]


def test_the_last_hundred_can_be_undone(desk: SqliteGallery, path: Path) -> None:
    for number in range(MAX_CHANGES):
        desk.rename("Cy" if not number else f"Cy {number - 1}", f"Cy {number}")
    for _ in range(MAX_CHANGES):
        desk.undo()
    assert desk.labels() == {"Ada": 2, "Bob": 1, "Cy": 1}
    with pytest.raises(GalleryError, match="no change left"):
        desk.undo()


def test_something_else_than_what_was_shown_is_not_undone(desk, open_gallery) -> None:
    plan = desk.last_change()
    open_gallery().rename("Cy", "Dee")
    with pytest.raises(GalleryError, match="changed since you looked"):
        desk.undo(expected=plan)
    assert list(desk.labels()) == ["Ada", "Bob", "Dee"]


def test_bytes_that_wait_for_a_reader(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery(busy_timeout_s=0.05)
    gallery.add("Ada", rows(0))
    gallery.add("Bob", rows(1))
    reader = read_before_erasing(gallery, path)
    assert gallery.undo().pending
    assert gallery.labels() == {"Ada": 1}
    reader.close()
    with open_gallery():
        assert rows(1).tobytes() not in path.read_bytes()


def test_a_review_counts_no_more_when_it_is_undone(desk: SqliteGallery, rows) -> None:
    who = desk.snapshot().identities[0]
    token = desk.snapshot().sign({**FACTS, "answer": "match", "identity": who})
    desk.feedback(token, True)
    plan = desk.undo()
    assert (plan.action, plan.reviews) == ("feedback", 1)
    assert desk.feedbacks() == ()
    assert desk.feedback(token, False)
    desk.undo_feedback(token)  # out of turn: the changes before are left
    assert desk.last_change().action == "enroll"


def test_who_was_forgotten_is_in_no_review(path: Path, desk: SqliteGallery) -> None:
    who = desk.snapshot().identities[0]
    desk.feedback(desk.snapshot().sign({**FACTS, "answer": "match", "identity": who}), False)
    desk.remove("Ada")
    (left,) = desk.feedbacks()
    assert (left.identity, left.similarity, left.correct) == (None, None, False)
    assert desk.feedback_summary()[0].wrong_matches == 1


def test_a_new_model_leaves_corrections_to_undo(desk: SqliteGallery, open_gallery, rows) -> None:
    desk.rename("Ada", "Bea")
    desk.add_strangers(rows(8), np.array([0]))
    desk.stage("m2", 3, {e.id: rows(e.id, dim=3)[0] for e in desk.examples()})
    desk.reembed("m2", "new", 3)
    with open_gallery(model_id="m2", embedding_dim=3) as moved:
        plan = moved.undo()
        assert plan.action == "rename"
        assert [line.action for line in plan.final] == ["calibrate", "reembed"]
        assert list(moved.labels()) == ["Ada", "Bob", "Cy"]
        assert moved.check().sound


@pytest.mark.parametrize(
    "erase",
    [
        lambda g: g.set_keep_pictures(False),
        lambda g: g.expire(date(2999, 1, 1)),
    ],
)
def test_other_erasures_are_final(gallery, rows, erase: Callable[[SqliteGallery], object]) -> None:
    gallery.set_keep_pictures(True)
    gallery.add("Ada", rows(0), pictures=[b"picture"], retain_until=date(2990, 1, 1))
    erase(gallery)
    left = gallery.last_change()
    assert left.action in ("enroll", "pictures")
    gallery.undo()
    with pytest.raises(GalleryError, match="was an erasure, which is final"):
        gallery.undo()
    assert json.dumps(gallery.keep_pictures) == "false" or not gallery.labels()


def test_a_failed_erasure_of_one_example_carries_its_receipt(path, open_gallery, rows) -> None:
    gallery = open_gallery(busy_timeout_s=0.05)
    gallery.add("Ada", rows(0, 2))
    reader = read_before_erasing(gallery, path)
    with pytest.raises(ErasurePendingError, match="example 1 is gone") as caught:
        gallery.remove_example(1)
    assert caught.value.receipts[0].examples == 1
    reader.close()
