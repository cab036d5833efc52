"""What people ask of a gallery that cannot be answered, or only with care."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import ImageError, LabelError, RateError
from toy_packs import toy_drawing

RATE = 0.2


@pytest.mark.parametrize("rate", [0, 1, -0.01, float("nan"), "0%", "100%", "often"])
def test_a_rate_that_is_none_is_refused_wherever_it_is_stated(
    desk: holotype.Recognizer, rate: float | str
) -> None:
    with pytest.raises(RateError, match="fpir="):
        desk.identify(toy_drawing(0), fpir=rate)
    with pytest.raises(RateError, match="fmr="):
        desk.verify("c0", toy_drawing(0), fmr=rate)


def test_a_refused_rate_names_one_that_is_kept(desk: holotype.Recognizer) -> None:
    with pytest.raises(RateError, match="smallest: ") as refused:
        desk.identify(toy_drawing(0), fpir=1e-6)
    smallest = float(refused.value.problem.split("smallest: ")[1].rstrip(")"))
    assert desk.identify(toy_drawing(0), fpir=1.02 * smallest).promised


def test_a_gallery_of_one_tells_that_one_from_strangers(tmp_path: Path, pack: Path) -> None:
    with holotype.open(tmp_path / "one.gallery", model=pack) as recognizer:
        recognizer.enroll("c0", toy_drawing(0))
        known = recognizer.identify(toy_drawing(0, 1), fpir=RATE)
        assert (known.answer, known.label, len(known.candidates)) == ("match", "c0", 1)
        assert known.probability is not None
        assert known.probability > 0.5
        strangers = recognizer.identify([toy_drawing(300 + i) for i in range(40)], fpir=RATE)
        assert sum(decision.answer == "match" for decision in strangers) <= 2 * RATE * 40
        # Alone, the claim and the search are one question.
        claim = recognizer.verify("c0", toy_drawing(0, 1), fmr=RATE)
        assert claim.threshold == known.threshold
        recognizer.forget("c0")
        (reason,) = recognizer.identify(toy_drawing(0), fpir=RATE).reasons
        assert reason.code == "nobody_enrolled"
        with pytest.raises(LabelError, match="0 enrolled"):
            recognizer.verify("c0", toy_drawing(0), fmr=RATE)


def test_a_gallery_whose_vector_was_changed_is_found(tmp_path: Path, pack: Path) -> None:
    path = tmp_path / "desk.gallery"
    with holotype.open(path, model=pack) as recognizer:
        recognizer.enroll("c0", toy_drawing(0))
        recognizer.enroll("c1", toy_drawing(1))
        assert recognizer.gallery.check().sound
    connection = sqlite3.connect(path)
    (first, second) = connection.execute("SELECT vector FROM examples ORDER BY rowid").fetchall()
    assert first != second
    connection.execute("UPDATE examples SET vector = ? WHERE vector = ?", (*second, *first))
    connection.commit()
    connection.close()
    with holotype.open(path, create=False) as recognizer:
        assert not recognizer.gallery.check().sound


def test_of_a_list_each_picture_is_answered_and_of_one_the_fault_is_raised(
    desk: holotype.Recognizer, tmp_path: Path
) -> None:
    blank, missing = np.ones((20, 20)), tmp_path / "none.png"
    decisions = desk.identify([toy_drawing(0), blank, missing, 3, toy_drawing(1)], fpir=RATE)
    assert [d.label for d in decisions] == ["c0", None, None, None, "c1"]
    for decision in decisions[1:4]:
        assert decision.answer == "cannot_tell"
        assert [reason.code for reason in decision.reasons] == ["unreadable"]
        assert decision.candidates == ()
        assert decision.similarity is None
        assert decision.id
    assert decisions[2].reasons[0].text == "no such file. Check the path"
    assert [d.answer for d in desk.identify([missing], fpir=RATE)] == ["cannot_tell"]
    for ask in (
        partial(desk.identify, fpir=RATE),
        partial(desk.identify_all, fpir=RATE),
        partial(desk.verify, "c0", fmr=RATE),
    ):
        with pytest.raises(ImageError, match=r"none\.png': no such file"):
            ask(missing)


def test_a_batch_that_cannot_be_enrolled_names_all_that_is_wrong(
    desk: holotype.Recognizer, tmp_path: Path
) -> None:
    before = desk.list()
    missing = [tmp_path / name for name in ("x.png", "y.png")]
    with pytest.raises(ImageError) as refused:
        desk.enroll("new", toy_drawing(9), missing[0], np.ones((20, 20)), missing[1])
    assert refused.value.problem.startswith("3 of 4 pictures cannot be used: ")
    assert f"no such file ({str(missing[0])!r}, {str(missing[1])!r})" in refused.value.problem
    assert "(picture 3)" in refused.value.problem
    assert desk.list() == before
