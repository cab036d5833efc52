"""Identities with a tag as if nobody else were enrolled; the quiet ones; and examples by id."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import holotype
from holotype.errors import LabelError
from holotype.records import Decision
from toy_packs import toy_drawing

RATE = 0.3


def facts(decision: Decision) -> tuple[object, ...]:
    """All but what names a gallery, its examples and the tag."""
    return (
        decision.answer,
        decision.label,
        decision.similarity,
        decision.threshold,
        decision.rate,
        [(one.label, one.similarity) for one in decision.candidates],
        decision.probability,
        decision.reasons,
        decision.basis,
    )


@pytest.fixture
def probes() -> list[object]:
    return [toy_drawing(character, drawer=2) for character in (0, 1, 2, 3, 4, 200, 201)]


def test_only_who_has_the_tag_plays(desk, tmp_path: Path, pack: Path, probes) -> None:
    for label in ("c1", "c3", "c4"):
        desk.gallery.describe(label, add=["staff"])
    with holotype.open(tmp_path / "staff.gallery", model=pack) as staff:
        for character in (1, 3, 4):
            staff.enroll(f"c{character}", toy_drawing(character))
        for stated in (None, RATE):
            few = desk.identify(probes, stated, tag="staff")
            assert [*map(facts, few)] == [*map(facts, staff.identify(probes, stated))]
            assert {decision.tag for decision in few} == {"staff"}
            assert {decision.basis.enrolled for decision in few} == {3}
            everybody = desk.identify(probes, stated)
            assert {decision.basis.enrolled for decision in everybody} == {5}
            assert {decision.tag for decision in everybody} == {None}
        # The next states are followed, one after the other.
        for recognizer, more in ((desk, {"tags": ["staff", "night"]}), (staff, {})):
            recognizer.enroll("c7", toy_drawing(7), **more)
            recognizer.enroll("c1", toy_drawing(1, drawer=3))
        few = desk.identify(probes, RATE, tag="staff")
        assert [*map(facts, few)] == [*map(facts, staff.identify(probes, RATE))]
        (sighting,) = desk.identify_all(probes[1], RATE, tag="staff")
        assert (sighting.decision.label, sighting.decision.basis) == ("c1", few[1].basis)
    assert desk.identify(probes[0], tag="night").basis.enrolled == 1
    assert desk.identify(vectors=desk.embedded([probes[0]])[0], tag="night")[0].tag == "night"


def test_a_tag_that_nobody_has(desk: holotype.Recognizer) -> None:
    with pytest.raises(LabelError, match=r"nobody .* has the tag 'staff'.*holotype tag"):
        desk.identify(toy_drawing(1), tag="staff")
    desk.gallery.describe("c1", add=["staff"])
    assert desk.identify(toy_drawing(1), tag="staff").tag == "staff"
    with pytest.raises(LabelError, match=r"has the tag 'Staff'. Tags that are used: 'staff'"):
        desk.identify(toy_drawing(1), tag="Staff")
    with pytest.raises(LabelError, match="visible character"):
        desk.identify(toy_drawing(1), tag="")
    desk.gallery.describe("c1", remove=["staff"])
    with pytest.raises(LabelError, match="nobody"):
        desk.identify(toy_drawing(1), tag="staff")


def test_who_may_not_be_kept_is_named_under_the_own_tag_only(desk, monkeypatch) -> None:
    desk.enroll("c1", toy_drawing(1), retain_until=date(2990, 1, 1), tags=["staff"])
    desk.gallery.describe("c2", add=["staff", "night"])
    desk.gallery.describe("c3", add=["night"])
    monkeypatch.setattr("holotype.gallery.enrolled_rows.today", lambda: date(2999, 1, 1))
    codes = [reason.code for reason in desk.identify(toy_drawing(1), RATE, tag="staff").reasons]
    assert "retention_over" in codes
    codes = [reason.code for reason in desk.identify(toy_drawing(1), RATE, tag="night").reasons]
    assert "retention_over" not in codes


def test_the_quiet_are_recognized_and_marked(desk: holotype.Recognizer) -> None:
    before = desk.identify(toy_drawing(1), RATE)
    assert (before.answer, before.quiet) == ("match", False)
    desk.gallery.describe("c1", quiet=True)
    now = desk.identify(toy_drawing(1), RATE)
    assert (now.answer, now.label, now.quiet) == ("match", "c1", True)
    assert facts(now) == facts(before)
    assert desk.verify("c1", toy_drawing(1), RATE).quiet
    assert not desk.identify(toy_drawing(2), RATE).quiet
    assert not desk.identify(toy_drawing(200), RATE).quiet


def test_a_candidate_names_its_most_alike_example(desk: holotype.Recognizer) -> None:
    desk.enroll("c2", toy_drawing(2, drawer=1), toy_drawing(2, drawer=2))
    by_id = {one.id: one.label for one in desk.gallery.examples()}
    for drawer, example in ((0, 3), (1, 6), (2, 7)):
        decision = desk.identify(toy_drawing(2, drawer=drawer), RATE)
        best = decision.candidates[0]
        assert (best.label, best.example) == ("c2", example)
        assert all(by_id[one.example] == one.label for one in decision.candidates)
    desk.gallery.move(6, "c0")
    decision = desk.identify(toy_drawing(2, drawer=1), RATE)
    assert {one.label: one.example for one in decision.candidates}["c0"] == 6
    assert desk.verify("c2", toy_drawing(2, drawer=2), RATE).candidates[0].example == 7
    twin = desk.enroll("twin", toy_drawing(2, drawer=2))
    assert twin.lookalikes[0].example == 7
