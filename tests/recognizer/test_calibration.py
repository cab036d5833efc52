"""Own strangers are shown first, count from then on, and are not mistaken for the enrolled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import holotype
from holotype.errors import AlikeError, ImageError
from holotype.openset.enrolled import classes_needed, ranks_allowed
from holotype.recognizer import calibrate
from holotype.records import Calibration
from toy_packs import toy_drawing

RATE = 0.1


def framed(character: int, drawer: int = 0) -> np.ndarray:
    """A drawing on a form with a printed frame."""
    drawing = toy_drawing(character, drawer)
    drawing[[1, 2, -3, -2], 1:-1] = drawing[1:-1, [1, 2, -3, -2]] = 0
    return drawing


@pytest.fixture
def forms(tmp_path, pack) -> holotype.Recognizer:
    with holotype.open(tmp_path / "forms.gallery", model=pack) as recognizer:
        for character in range(5):
            recognizer.enroll(f"c{character}", framed(character))
        yield recognizer


def strangers(count: int, each: int = 3) -> tuple[list[np.ndarray], list[str]]:
    kinds = [100 + i for i in range(count) for _ in range(each)]
    return [framed(kind, i % each) for i, kind in enumerate(kinds)], [f"s{kind}" for kind in kinds]


def test_strangers_on_the_same_form_are_turned_away_after_calibration(
    forms: holotype.Recognizer,
) -> None:
    probes = [framed(500 + i) for i in range(60)]

    def let_in() -> float:
        decisions = forms.identify(probes, fpir=RATE)
        return float(np.mean([d.similarity >= d.threshold for d in decisions]))

    # By the cohort alone many would get in; the five enrolled doubt it, and turn nearly all away.
    cohort = forms.state.matcher.evidence.impostors.threshold(RATE, "fpir")
    assert np.mean([d.similarity >= cohort for d in forms.identify(probes)]) > 3 * RATE
    assert let_in() < RATE
    shown: list[Calibration] = []
    pictures, classes = strangers(30)
    result = calibrate(
        forms, pictures, classes, suspects="keep", accept=lambda change: not shown.append(change)
    )
    assert let_in() < 2 * RATE
    assert (result.pictures, result.classes, result.classes_in_all) == (90, 30, 30)
    assert result.counts
    assert shown[0].batch is None
    assert forms.gallery.stranger_batches()[0].id == result.batch
    at_rate = next(change for change in result.rates if change.rate == RATE)
    assert cohort < at_rate.after < at_rate.before
    assert at_rate.accepted_before <= at_rate.accepted_after
    assert forms.identify(probes[0], fpir=RATE).threshold == pytest.approx(at_rate.after)
    line = forms.gallery.audit()[-1]
    assert (line.action, line.facts["classes"]) == ("calibrate", 30)


def test_what_is_not_accepted_changes_nothing(desk: holotype.Recognizer) -> None:
    before = desk.identify(toy_drawing(0), fpir=RATE).threshold
    pictures, classes = strangers(10)
    result = calibrate(desk, pictures, classes, suspects="keep", accept=lambda change: False)
    assert result.batch is None
    assert desk.gallery.stranger_batches() == ()
    assert desk.identify(toy_drawing(0), fpir=RATE).threshold == before


def test_removing_a_batch_takes_the_threshold_back(desk: holotype.Recognizer) -> None:
    before = desk.identify(toy_drawing(0), fpir=RATE).threshold
    pictures, classes = strangers(30)
    batch = calibrate(desk, pictures, classes, suspects="keep").batch
    assert desk.identify(toy_drawing(0), fpir=RATE).threshold != before
    assert desk.gallery.remove_strangers(batch) == 90
    assert desk.identify(toy_drawing(0), fpir=RATE).threshold == before


def test_batches_add_up_and_few_do_not_count_yet(desk: holotype.Recognizer) -> None:
    pictures, classes = strangers(3)
    first = calibrate(desk, pictures, classes, suspects="keep")
    assert not first.counts
    assert all(change.before == change.after for change in first.rates)
    # The same names in another batch are other people: nobody knows better.
    second = calibrate(desk, pictures, classes, suspects="keep")
    assert (second.classes, second.classes_in_all) == (3, 6)
    assert second.counts


@pytest.mark.parametrize("where", ["by likeness", "by picture", "by name"])
def test_strangers_who_are_enrolled_are_found_and_named(
    desk: holotype.Recognizer, where: str
) -> None:
    kinds = [300 + i for i in range(12)]
    pictures, classes = [toy_drawing(kind) for kind in kinds], [f"s{kind}" for kind in kinds]
    again = toy_drawing(3)
    again[20:22, 20:22] = 0  # a blot
    pictures.append(
        {"by likeness": again, "by picture": toy_drawing(3), "by name": toy_drawing(777)}[where]
    )
    classes.append("c3" if where == "by name" else "Bob")
    with pytest.raises(AlikeError, match=r"'(Bob|c3)' \(like 'c3'") as refused:
        calibrate(desk, pictures, classes)
    (name,) = {suspect.name for suspect in refused.value.found} - {f"s{kind}" for kind in kinds}
    assert name == classes[-1]
    assert desk.gallery.stranger_batches() == ()
    result = calibrate(desk, pictures, classes, suspects="leave-out")
    assert result.classes == 13 - len(result.suspects)
    kept = calibrate(desk, pictures, classes, suspects="keep")
    assert kept.classes == 13


def test_each_picture_is_a_class_where_none_is_named(desk: holotype.Recognizer) -> None:
    result = calibrate(desk, [toy_drawing(400 + i) for i in range(8)], suspects="keep")
    assert (result.pictures, result.classes) == (8, 8)


def test_a_gallery_of_nobody_takes_strangers(tmp_path, pack) -> None:
    with holotype.open(tmp_path / "new.gallery", model=pack) as recognizer:
        result = calibrate(recognizer, [toy_drawing(400 + i) for i in range(8)])
        assert result.batch
        assert all(change.after is None for change in result.rates)
        recognizer.enroll("a", toy_drawing(0))
        assert recognizer.identify(toy_drawing(0), fpir=RATE).label == "a"


def test_no_pictures_and_unmatched_names_are_refused(desk: holotype.Recognizer) -> None:
    with pytest.raises(ImageError, match="no image"):
        calibrate(desk, [])
    with pytest.raises(ImageError, match="2 class names do not go with 1"):
        calibrate(desk, [toy_drawing(0)], ["a", "b"])
    with pytest.raises(ImageError, match="left out"):
        calibrate(desk, [toy_drawing(0)], suspects="leave-out")


def test_all_unusable_pictures_are_named_or_left_out(desk: holotype.Recognizer) -> None:
    pictures, classes = strangers(7)
    pictures[0], pictures[5] = b"junk", np.ones((20, 20))
    with pytest.raises(ImageError, match="2 of 21 pictures cannot be used") as refused:
        calibrate(desk, pictures, classes, suspects="keep")
    assert "(picture 1)" in refused.value.problem
    assert "(picture 6)" in refused.value.problem
    assert "skip_unusable=True" in refused.value.remedy
    assert desk.gallery.stranger_batches() == ()
    result = calibrate(desk, pictures, classes, suspects="keep", skip_unusable=True)
    assert (result.pictures, result.classes) == (19, 7)
    assert [one.number for one in result.unusable] == [1, 6]
    # A class of which nothing is left is none.
    pictures[3] = pictures[4] = b"junk"
    assert calibrate(desk, pictures, classes, suspects="keep", skip_unusable=True).classes == 6
    with pytest.raises(ImageError, match="picture"):
        calibrate(desk, [b"junk"], skip_unusable=True)


def test_what_is_missing_is_what_the_rank_takes(desk: holotype.Recognizer) -> None:
    def missing(classes: int) -> list[int]:
        pictures, names = strangers(classes)
        change = calibrate(desk, pictures, names, suspects="keep", accept=lambda _: False)
        assert [row.rate for row in change.rates] == [0.1, 0.01]
        assert change.guaranteed_before == pytest.approx(2 / 6)
        assert change.guaranteed_after == pytest.approx(min(2 / 6, 1 / (classes + 1)))
        assert [row.missing == 0 for row in change.rates] == [
            row.known == "guaranteed" for row in change.rates
        ]
        return [row.missing for row in change.rates]

    assert missing(4) == [5, 95]
    assert missing(8) == [1, 91]
    assert missing(9) == [0, 90]


@given(st.floats(0.005, 0.9), st.integers(1, 2))
def test_so_many_classes_reach_a_rate_and_one_fewer_do_not(rate: float, taken: int) -> None:
    needed = classes_needed(rate, taken)
    assert ranks_allowed(rate, needed) >= taken
    assert ranks_allowed(rate, needed - 1) < taken
