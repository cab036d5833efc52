"""Pictures of another kind: refused or told at enrollment, and not judged afterward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import holotype
from holotype.domains.registry import of_pack
from holotype.errors import AnotherKindError
from holotype.extras import Extra
from holotype.image import input_kind
from toy_packs import toy_drawing

PHOTO = load_sample_image("china.jpg")[100:300, 100:350]


def test_a_photograph_is_refused_at_enrollment_and_nothing_is_stored(
    desk: holotype.Recognizer,
) -> None:
    before = desk.gallery.audit()
    with pytest.raises(AnotherKindError, match=r"looks like a photograph.*--anyway") as refused:
        desk.enroll("somebody", toy_drawing(600), PHOTO)
    assert str(refused.value).startswith("picture 2 of 2, <uint8 array [200, 250, 3]>: this looks")
    assert "objects" in refused.value.packs
    assert desk.gallery.audit() == before


def test_whoever_insists_is_warned(desk: holotype.Recognizer) -> None:
    stored = desk.enroll("somebody", PHOTO, anyway=True)
    assert stored.added == 1
    assert stored.warnings[0].code == "another_kind"


def test_a_plainly_foreign_probe_gets_no_answer(desk: holotype.Recognizer) -> None:
    decision = desk.identify(PHOTO, fpir=0.1)
    assert decision.answer == "cannot_tell"
    assert decision.reasons[0].code == "another_kind"
    assert decision.candidates
    assert desk.verify("c1", PHOTO, fmr=0.1).answer == "cannot_tell"


def test_a_doubt_is_told_beside_the_answer_and_at_enrollment_and_holds_nothing_back(
    desk: holotype.Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = desk.identify(toy_drawing(1), fpir=0.1)
    doubt = input_kind.AnotherKind(False, "this looks odd", "Draw it again")
    monkeypatch.setattr("holotype.image.quality.another_kind", lambda *_: doubt)
    after = desk.identify(toy_drawing(1), fpir=0.1)
    assert (after.answer, after.similarity) == (before.answer, before.similarity)
    assert after.reasons == (*before.reasons, doubt.reason)
    (warning,) = desk.enroll("somebody", toy_drawing(600)).warnings
    assert (warning.code, warning.text) == ("perhaps_another_kind", "this looks odd. Draw it again")


def test_a_face_is_sent_to_the_pack_of_faces_where_faces_can_be_found(
    desk: holotype.Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows = "this looks like a photograph of a face"
    monkeypatch.setattr(of_pack("faces"), "sighted", lambda pixels: shows)
    with pytest.raises(AnotherKindError, match=r"photograph of a face.*`faces`") as refused:
        desk.enroll("Ada", PHOTO)
    assert refused.value.packs == ("faces",)


def test_without_what_finds_faces_both_packs_are_named(
    desk: holotype.Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Extra, "installed", lambda self: False)
    with pytest.raises(AnotherKindError, match=r"`objects`.*`faces`"):
        desk.enroll("Ada", PHOTO)


def test_a_refused_first_picture_leaves_no_gallery(tmp_path: Path, pack: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.asarray(PHOTO)).save(photo)
    with (
        holotype.open(tmp_path / "new.gallery", pack) as recognizer,
        pytest.raises(AnotherKindError, match=r"photo\.png"),
    ):
        recognizer.enroll("somebody", photo)
    assert not (tmp_path / "new.gallery").exists()
