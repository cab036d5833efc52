"""At enrollment: look-alikes, examples that disagree, pictures that are kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from holotype.errors import AlikeError, LabelError
from holotype.gallery import audit
from toy_packs import toy_drawing


def test_a_look_alike_is_stored_and_named(desk: holotype.Recognizer) -> None:
    twin = desk.enroll("twin", toy_drawing(2))
    assert twin.lookalikes[0].label == "c2"
    assert twin.lookalikes[0].similarity == pytest.approx(1, abs=1e-4)
    assert "twin" in desk.list()
    assert desk.enroll("somebody", toy_drawing(600)).lookalikes == ()
    # More examples of one who is enrolled are no news.
    assert desk.enroll("twin", toy_drawing(2, drawer=1)).lookalikes == ()


def test_strict_refuses_a_look_alike_and_stores_nothing(desk: holotype.Recognizer) -> None:
    before = desk.gallery.audit()
    with pytest.raises(AlikeError, match="'twin' would be taken for 'c2'") as refused:
        desk.enroll("twin", toy_drawing(2), strict=True)
    assert refused.value.found[0].label == "c2"
    assert desk.gallery.audit() == before
    assert desk.enroll("somebody", toy_drawing(600), strict=True).added == 1


def test_examples_that_disagree_are_named(desk: holotype.Recognizer) -> None:
    alike = desk.enroll("c1", toy_drawing(1, drawer=1))
    assert "examples_disagree" not in {reason.code for reason in alike.warnings}
    others = [toy_drawing(600 + i) for i in range(20)]
    first = desk.embedder.embed([toy_drawing(1)])[0]
    farthest = others[int((desk.embedder.embed(others) @ first).argmin())]
    unlike = desk.enroll("c1", toy_drawing(1, drawer=2), farthest)
    (reason,) = (r for r in unlike.warnings if r.code == "examples_disagree")
    assert reason.text.startswith("picture 2 ")


def test_pictures_are_kept_only_where_the_owner_chose_so(
    tmp_path: Path, pack: Path, desk: holotype.Recognizer
) -> None:
    assert desk.gallery.picture_ids() == ()
    with holotype.open(tmp_path / "kept.gallery", pack, keep_pictures=True) as recognizer:
        recognizer.enroll("a", toy_drawing(0))
        (example,) = recognizer.gallery.picture_ids()
        again = recognizer.embedder.embed([recognizer.gallery.picture(example)])
        assert again[0] @ recognizer.gallery.snapshot().vectors[0] == pytest.approx(1, abs=1e-5)


def test_who_may_not_be_kept_any_longer_is_not_matched(
    desk: holotype.Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = audit.now().astimezone().date()
    desk.enroll("ada", toy_drawing(700), retain_until=today)
    assert desk.identify(toy_drawing(700), fpir=0.2).label == "ada"
    tomorrow = audit.now() + timedelta(days=1)
    monkeypatch.setattr(audit, "now", lambda: tomorrow)
    decision = desk.identify(toy_drawing(700), fpir=0.2)
    assert (decision.answer, decision.label) == ("unknown", None)
    assert decision.reasons[0].code == "retention_over"
    assert f"ada could be kept until {today}" in decision.reasons[0].text
    assert "ada" not in [candidate.label for candidate in decision.candidates]
    other = desk.identify(toy_drawing(2), fpir=0.2)
    assert other.label == "c2"
    assert "retention_over" not in [reason.code for reason in other.reasons]
    with pytest.raises(LabelError, match=f"could be kept until {today}"):
        desk.verify("ada", toy_drawing(700), fmr=0.2)


def test_the_same_picture_again_adds_nothing_and_says_so(
    desk: holotype.Recognizer, tmp_path: Path
) -> None:
    before = desk.identify(toy_drawing(2, drawer=1))
    trail = desk.gallery.audit()
    path = tmp_path / "again.png"
    Image.fromarray(toy_drawing(2)).save(path)  # another file, the same picture
    for image in (toy_drawing(2), path):
        again = desk.enroll("c2", image)
        assert (again.added, again.examples) == (0, 1)
        assert [reason.code for reason in again.warnings] == ["already_stored"]
        assert again.warnings[0].text == "this picture is already stored for c2, and adds nothing"
    assert desk.gallery.audit() == trail  # nothing was changed
    after = desk.identify(toy_drawing(2, drawer=1))
    assert (after.threshold, after.similarity) == (before.threshold, before.similarity)


def test_one_picture_twice_in_one_call_is_one_example(desk: holotype.Recognizer) -> None:
    once = desk.enroll("new", toy_drawing(600), toy_drawing(601), toy_drawing(600))
    assert (once.added, once.examples) == (2, 2)
    assert [reason.text for reason in once.warnings if reason.code == "already_stored"] == [
        "picture 3 is already stored for new, and adds nothing"
    ]


def test_terms_are_noted_also_with_a_picture_that_is_stored(desk: holotype.Recognizer) -> None:
    assert desk.enroll("c2", toy_drawing(2), consent="form 7").added == 0
    assert {one.label: one.consent for one in desk.gallery.records()}["c2"] == "form 7"


def test_the_same_picture_under_another_label_is_named(desk: holotype.Recognizer) -> None:
    desk.enroll("other", toy_drawing(600))
    with pytest.raises(AlikeError, match="very same that is stored for c2"):
        desk.enroll("other", toy_drawing(2), strict=True)
    both = desk.enroll("other", toy_drawing(2))
    assert both.added == 1
    (named,) = [reason for reason in both.warnings if reason.code == "stored_for_another"]
    assert named.text == "this picture is the very same that is stored for c2"


def test_noise_of_rounding_makes_no_second_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vector = rng.standard_normal(256)
    vector /= np.linalg.norm(vector)
    with holotype.open(tmp_path / "bare.gallery", dim=256) as bare:
        assert bare.enroll("a", vectors=vector).added == 1
        assert bare.enroll("a", vectors=vector + rng.normal(0, 1e-6, 256)).added == 0
        assert bare.enroll("a", vectors=vector + rng.normal(0, 1e-4, 256)).added == 1
