"""Why a picture cannot be judged, and what helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from holotype.domains.faces.finding import find
from holotype.domains.faces.recipe import PREPROCESSING
from holotype.domains.faces.sighting import (
    MAX_BLUR,
    MIN_WIDTH_PX,
    _blur,
    _turn,
    _unfit,
    only_face,
    sightings,
)
from holotype.errors import ImageError
from holotype.image import prepare
from holotype.preprocessing import Preprocessing
from toy_faces import rgb, toy_face


def codes(pixels: np.ndarray) -> list[str]:
    (sighting,) = sightings(pixels)
    return [doubt.code for doubt in sighting.doubts]


def test_one_clear_face_raises_no_doubt() -> None:
    for decoded in (toy_face()[..., None], rgb(toy_face()), (rgb(toy_face()) / 255).astype("f4")):
        (sighting,) = sightings(decoded)
        assert sighting.face is not None
        assert sighting.doubts == ()


def test_a_small_face_is_named_with_its_width() -> None:
    (sighting,) = sightings(rgb(toy_face(80)))
    (doubt,) = sighting.doubts
    assert sighting.face is not None
    assert doubt.code == "face_too_small"
    assert doubt.problem == f"the face is {sighting.face.width_px} px wide, {MIN_WIDTH_PX} needed"
    assert doubt.remedy.startswith("Come nearer")


def test_a_blurred_face_is_named() -> None:
    (face,) = find(rgb(toy_face()))
    detail = np.random.default_rng(0).integers(0, 256, (10, 10), dtype=np.uint8)
    detail = detail.repeat(15, axis=0).repeat(15, axis=1)
    chips = [
        np.asarray(Image.fromarray(rgb(detail)).filter(ImageFilter.GaussianBlur(px)))
        for px in (0, 2, 6)
    ]
    sharp, soft, blurred = (_blur(replace(face, chip=chip)) for chip in chips)
    assert sharp < soft < MAX_BLUR < blurred
    (doubt,) = _unfit(replace(face, chip=chips[-1]))
    assert doubt.code == "face_blurred"


def test_a_face_turned_away_is_named() -> None:
    (face,) = find(rgb(toy_face()))
    assert _turn(face) < 0.1
    # The foot of the nose, 22 mm before the plane of eyes 63 mm apart, at an angle of 50 degrees.
    right, left = face.points[:2].mean(axis=0), face.points[2:4].mean(axis=0)
    points = face.points.copy()
    points[4] = (right + left) / 2 + (right - left) * 22 / 63 * np.tan(np.radians(50)) + (0, 30)
    turned = replace(face, points=points)
    assert [doubt.code for doubt in _unfit(turned)] == ["face_turned_away"]
    assert _turn(turned) == pytest.approx(0.416, abs=0.05)


@pytest.mark.parametrize(
    ("turns", "code"), [(2, "upside_down"), (1, "on_its_side"), (3, "on_its_side")]
)
def test_a_turned_picture_is_named(turns: int, code: str) -> None:
    assert codes(rgb(np.rot90(toy_face(), turns))) == [code]


def test_nobody_is_named() -> None:
    assert codes(np.full((90, 90, 3), 80, np.uint8)) == ["no_face"]


def test_several_are_named_with_their_boxes_and_can_all_be_had() -> None:
    pair = rgb(np.hstack([toy_face(200), toy_face(240)[:200]]))
    (sighting,) = sightings(pair)
    (doubt,) = sighting.doubts
    assert doubt.code == "several_faces"
    assert "2 faces are in the picture" in doubt.problem
    assert doubt.problem.count("px wide at") == 2
    assert len(sightings(pair, everybody=True)) == 2


def test_somebody_in_the_background_does_not_count() -> None:
    ground = np.full((500, 760), 200, dtype=np.uint8)
    ground[:500, :500] = toy_face(500)
    ground[100:240, 560:700] = toy_face(140)
    assert len(sightings(rgb(ground))) == 1
    assert only_face(rgb(ground)).width_px > 150
    assert len(sightings(rgb(ground), everybody=True)) == 2


def test_a_picture_is_prepared_as_its_face(tmp_path: Path) -> None:
    prepared = prepare.prepare(toy_face(), PREPROCESSING)
    chip = find(rgb(toy_face()))[0].chip
    mean, std = (np.array(c) for c in (PREPROCESSING.mean, PREPROCESSING.std))
    expected = ((chip / 255 - mean) / std).transpose(2, 0, 1)
    np.testing.assert_allclose(prepared, expected, atol=1e-5)


def test_the_orientation_that_a_camera_notes_is_obeyed(tmp_path: Path) -> None:
    lying = Image.fromarray(np.rot90(toy_face()))
    note = lying.getexif()
    note[0x0112] = 6  # to be shown turned clockwise
    lying.save(tmp_path / "face.png", exif=note)
    prepared = prepare.prepare(tmp_path / "face.png", PREPROCESSING)
    np.testing.assert_allclose(prepared, prepare.prepare(toy_face(), PREPROCESSING), atol=1e-5)


def test_a_picture_without_one_face_cannot_be_prepared() -> None:
    with pytest.raises(ImageError, match=r"no face was found\. Show one face"):
        prepare.prepare(np.full((90, 90), 80, np.uint8), PREPROCESSING)


def test_the_constants_are_those_of_the_network() -> None:
    assert isinstance(PREPROCESSING, Preprocessing)
    assert PREPROCESSING.to_json()["kind"] == "face"
