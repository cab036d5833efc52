"""Faces through the Recognizer: reasons, several at once, and what is not promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from hanging import HANGS_S
from holotype.datasets.catalogue import load_dataset
from holotype.domains.faces.recipe import DEFAULT_SIMILARITY
from holotype.errors import ImageError, MissingExtraError, RateError
from holotype.pack import load_pack
from holotype.recognizer import Recognizer, calibrate
from holotype.report import measure
from toy_faces import rgb, toy_face

NOBODY = np.full((90, 90), 80, np.uint8)


@pytest.fixture
def door(tmp_path: Path, faces_folder: Path) -> Iterator[Recognizer]:
    with holotype.open(tmp_path / "door.gallery", faces_folder) as recognizer:
        yield recognizer


def person(number: int, shot: int = 0) -> np.ndarray:
    return np.asarray(load_dataset("orl").images[10 * number + shot])


def test_a_drawn_face_is_enrolled_and_found_again(door: Recognizer) -> None:
    assert door.enroll("somebody", toy_face()).warnings == ()
    decision = door.identify(toy_face(260))
    assert (decision.answer, decision.label) == ("match", "somebody")
    assert decision.box is not None
    assert door.verify("somebody", toy_face(260)).answer == "match"


def test_without_strangers_the_threshold_is_a_default_and_says_so(door: Recognizer) -> None:
    door.enroll("somebody", toy_face())
    for rate in (0.3, 0.001):
        decision = door.identify(toy_face(), fpir=rate)
        assert decision.threshold == pytest.approx(DEFAULT_SIMILARITY, abs=1e-6)
        assert not decision.promised
        assert decision.reasons[-1].code == "not_measured"
        assert f"what {rate:g} takes" in decision.reasons[-1].text


def test_who_cannot_be_seen_cannot_be_told(door: Recognizer) -> None:
    door.enroll("somebody", toy_face())
    pictures = [NOBODY, rgb(np.rot90(toy_face(), 2)), rgb(np.hstack([toy_face()] * 2)), toy_face()]
    decisions = door.identify(pictures)
    assert [d.reasons[0].code for d in decisions[:3]] == ["no_face", "upside_down", "several_faces"]
    for decision in decisions[:3]:
        assert decision.answer == "cannot_tell"
        assert decision.candidates == ()
        assert decision.similarity is None
        assert decision.id
    assert decisions[3].label == "somebody"
    assert door.verify("somebody", NOBODY).answer == "cannot_tell"


def test_a_small_face_is_enrolled_with_a_warning_and_not_judged(door: Recognizer) -> None:
    enrollment = door.enroll("somebody", toy_face(80))
    assert [warning.code for warning in enrollment.warnings] == ["face_too_small"]
    decision = door.identify(toy_face(80))
    assert decision.answer == "cannot_tell"
    assert "60 needed. Come nearer" in decision.reasons[0].text


def test_nobody_and_several_are_not_enrolled(door: Recognizer) -> None:
    for picture, what in ((NOBODY, "no face"), (np.hstack([toy_face()] * 2), "2 faces")):
        with pytest.raises(ImageError, match=f"picture 2 of 2, .*{what}"):
            door.enroll("somebody", toy_face(), picture)
    assert door.list() == {}


def test_an_empty_door_knows_nobody(door: Recognizer) -> None:
    door.enroll("somebody", toy_face())
    door.forget("somebody")
    assert door.identify(toy_face()).reasons[0].code == "nobody_enrolled"
    assert door.identify(NOBODY).reasons[0].code == "no_face"
    assert len(door.identify_all(np.hstack([toy_face()] * 2))) == 2


def test_a_model_that_looks_for_no_faces_sees_one_thing(tmp_path: Path) -> None:
    from toy_packs import make_toy_pack, toy_drawing

    with holotype.open(tmp_path / "g", make_toy_pack(tmp_path / "toy")) as recognizer:
        recognizer.enroll("a", toy_drawing(1))
        (sighting,) = recognizer.identify_all(toy_drawing(1), fpir=0.2)
        assert sighting.decision.box is None
        assert sighting.decision.promised
        assert sighting.vector is not None


@pytest.mark.data
def test_people_are_told_apart_and_each_face_of_a_picture_is(door: Recognizer) -> None:
    for number in (0, 1, 2):
        assert door.enroll(f"person {number}", person(number)).lookalikes == ()
    assert door.identify(person(1, 3)).label == "person 1"
    both = np.hstack([person(2, 1), person(7, 1)])
    seen = {s.decision.box[0] < 92: s.decision for s in door.identify_all(both) if s.decision.box}
    assert (seen[True].label, seen[False].answer) == ("person 2", "unknown")


@pytest.mark.data
def test_strangers_of_its_own_make_a_door_keep_a_rate(door: Recognizer) -> None:
    door.enroll("person 0", person(0))
    strangers = [(number, shot) for number in range(20, 36) for shot in (0, 4)]
    shown = calibrate(
        door,
        [person(*s) for s in strangers if s != (29, 4)],
        [str(number) for number, shot in strangers if (number, shot) != (29, 4)],
    )
    assert shown.counts
    assert shown.smallest_before == 1
    assert shown.smallest_after < 0.5
    kept = door.identify(person(0, 1), fpir=0.5)
    assert (kept.answer, kept.promised) == ("match", True)
    # A rate that they are too few for falls back on the default, and says so.
    strict = door.identify(person(0, 1), fpir=0.001)
    assert not strict.promised
    assert strict.threshold >= DEFAULT_SIMILARITY - 1e-6
    verified = door.verify("person 0", person(0, 1), fmr=0.5)
    assert (verified.answer, verified.promised) == ("match", True)


@pytest.mark.data
def test_a_second_label_for_one_person_is_noticed(door: Recognizer) -> None:
    door.enroll("person 0", person(0))
    enrollment = door.enroll("once more", person(0, 1))
    assert [other.label for other in enrollment.lookalikes] == ["person 0"]


def test_a_pack_without_cohort_and_without_default_refuses(tmp_path: Path) -> None:
    from holotype.pack import write_pack
    from toy_packs import toy_drawing, toy_parts

    parts = toy_parts()
    parts |= {"embeddings": parts["embeddings"][:0], "class_index": parts["class_index"][:0]}
    parts |= {"cohort": {"data": "none", "class_names": []}}
    write_pack(tmp_path / "toy", **parts)
    with holotype.open(tmp_path / "g", tmp_path / "toy") as recognizer:
        recognizer.enroll("a", toy_drawing(1))
        with pytest.raises(RateError, match="smallest: none"):
            recognizer.identify(toy_drawing(1), fpir=0.01)


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holotype", *arguments],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=HANGS_S,
    )


def test_the_pack_makes_itself_once_and_is_found_by_its_name(tmp_path: Path) -> None:
    Image.fromarray(toy_face()).save(tmp_path / "a.png")
    Image.fromarray(np.hstack([toy_face()] * 2)).save(tmp_path / "two.png")
    gallery = str(tmp_path / "door.gallery")
    done = run(tmp_path, "enroll", gallery, "Ada", str(tmp_path / "a.png"), "--model", "faces")
    assert done.returncode == 0, done.stderr
    made = tmp_path / ".cache" / "holotype" / "packs" / "faces-2"
    assert sorted(os.listdir(made.parent)) == ["faces-2"]
    assert load_pack(made).self_test() is not None
    before = (made / "model.onnx").stat().st_mtime_ns
    done = run(tmp_path, "identify", gallery, str(tmp_path / "a.png"))
    assert "match" in done.stdout
    assert "1 % of strangers: not measured here" in done.stdout
    done = run(tmp_path, "identify", gallery, str(tmp_path / "two.png"), "--all-faces", "--json")
    found = json.loads(done.stdout)
    # One identity is on a picture at most once.
    assert sorted(one["answer"] for one in found) == ["match", "unknown"]
    assert not any(one["promised"] for one in found)
    assert len(found[0]["box"]) == 4
    assert (made / "model.onnx").stat().st_mtime_ns == before


def test_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces_folder: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setitem(
        sys.modules, "holotype.domains.faces.recipe", None
    )  # as if it were not there
    monkeypatch.delitem(sys.modules, "holotype.domains.faces.recipe")
    monkeypatch.setitem(sys.modules, "face_recognition_models", None)
    with pytest.raises(
        MissingExtraError, match=r"needs face_recognition_models.*pip install .*\[faces\]"
    ):
        load_pack("faces")
    assert not (tmp_path / ".cache" / "holotype" / "packs").exists()


def test_a_report_names_the_pictures_without_a_face(faces_folder: Path, tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / name).mkdir()
        for size_px in (180, 200, 240):
            Image.fromarray(toy_face(size_px)).save(tmp_path / name / f"{size_px}.png")
    Image.fromarray(NOBODY).save(tmp_path / "d" / "empty.png")
    proof = measure(load_pack(faces_folder), tmp_path, k_shots=(1,), galleries=2, rates=(0.5,))
    assert [Path(name).name for name in proof.not_acquired] == ["empty.png"]
    (report,) = proof.reports
    assert (report.classes, report.pictures) == (4, 12)
    assert proof.own_strangers is not None
    assert proof.own_strangers.classes == 2
