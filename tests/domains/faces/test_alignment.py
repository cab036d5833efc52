"""A face is brought to the places that its network knows, and any face network becomes a pack."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from holotype.domains.declared import Notes
from holotype.domains.faces.alignment import SIDE_PX, aligned, chip, similarity, template
from holotype.domains.faces.finding import find
from holotype.domains.registry import preprocessing_from_json
from holotype.embedder import Embedder
from holotype.errors import PackError
from holotype.image import pixels
from holotype.image.prepare import prepare
from holotype.packing.build import Built, build_pack
from holotype.packing.model_input import preprocessing_for
from holotype.packing.verify import verify_pack
from packing.layouts import convolution
from toy_faces import rgb, toy_face

EYES_PX = ((38.2946, 51.6963), (73.5318, 51.5014))  # of the template of 112 px


def test_the_points_lie_where_those_of_arcface_put_them() -> None:
    points = template(SIDE_PX, SIDE_PX)
    right, left, nose = points[:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    assert np.abs(np.array([left, right]) - EYES_PX).max() < 2
    assert 71.7366 < nose[1] < 92.2041  # below its tip and above the mouth
    assert abs(nose[0] - 56.0252) < 1
    # The inner corners lie between the outer ones, all at one height.
    assert points[2, 0] < points[3, 0] < points[1, 0] < points[0, 0]
    assert np.ptp(points[:4, 1]) < 3
    np.testing.assert_allclose(
        points,
        [[81.478, 51.682], [66.713, 52.832], [30.352, 51.975], [45.129, 52.956], [56.073, 80.483]],
        atol=1e-3,
    )


def test_other_sizes_scale_it() -> None:
    double = template(2 * SIDE_PX, 2 * SIDE_PX)
    np.testing.assert_allclose((double + 0.5) / 2 - 0.5, template(SIDE_PX, SIDE_PX))
    # As networks of 112 x 96 take it: eight pixels less on either side.
    narrow = template(SIDE_PX, 96)
    np.testing.assert_allclose(narrow + np.array([8, 0]), template(SIDE_PX, SIDE_PX))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_similarity_is_found_and_never_mirrors(mirrored: bool) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 2))
    angle = 0.7
    turn = 3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn = turn @ np.diag([1, -1])
    matrix, shift = similarity(points, points @ turn.T + np.array([4, 5]))
    assert np.linalg.det(matrix) > 0
    if not mirrored:
        np.testing.assert_allclose(matrix, turn, atol=1e-9)
        np.testing.assert_allclose(shift, [4, 5], atol=1e-9)


def smooth(side: int = SIDE_PX) -> np.ndarray:
    tones = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(tones).resize((side, side), Image.Resampling.BICUBIC))


def test_what_lies_right_stays() -> None:
    picture = smooth()
    found = aligned(picture, template(SIDE_PX, SIDE_PX), SIDE_PX, SIDE_PX)
    np.testing.assert_allclose(found, picture, atol=1)  # Pillow cuts off behind the point


@pytest.mark.parametrize("degrees", [0, 20, -35])
@pytest.mark.parametrize("side", [100, 224, 500])
def test_what_is_turned_and_scaled_comes_back(degrees: int, side: int) -> None:
    picture = smooth()
    scale = side / SIDE_PX
    large = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
    canvas = np.zeros((2 * side, 2 * side, 3), np.uint8)
    canvas[side // 2 : side // 2 + side, side // 2 : side // 2 + side] = large
    turned = np.asarray(Image.fromarray(canvas).rotate(degrees, Image.Resampling.BICUBIC))
    points = (template(SIDE_PX, SIDE_PX) + 0.5) * scale + side // 2 - side  # around the middle
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = aligned(turned, points @ turn.T + side - 0.5, SIDE_PX, SIDE_PX)
    inner = np.s_[6:-6, 6:-6]
    assert np.abs(found[inner].astype(int) - picture[inner]).mean() < 3


def test_beyond_the_border_it_is_black() -> None:
    picture = np.full((60, 60, 3), 200, np.uint8)
    found = aligned(picture, template(SIDE_PX, SIDE_PX) - 40, SIDE_PX, SIDE_PX)
    assert found[:38].max() == 0
    assert found[60:90, 60:90].min() == 200


def constants(alignment: str | None, size: int) -> dict[str, object]:
    return {
        "kind": "face", "size_px": size, "margin_px": 0, "channels": 3, "fit": "stretch",
        "mean": [0.0] * 3, "std": [1.0] * 3, "alignment": alignment,
    }  # fmt: skip


def test_the_eyes_of_a_drawn_face_lie_where_they_should() -> None:
    preprocessing = preprocessing_from_json(constants("arcface", 112))
    prepared = prepare(rgb(toy_face(400)), preprocessing)
    assert prepared.shape == (3, 112, 112)
    dark = prepared[0] < 0.35  # pupils, brows and hair
    for x, y in EYES_PX:
        row, column = round(y), round(x)
        assert dark[row - 4 : row + 5, column - 5 : column + 6].any()


def test_each_alignment_cuts_otherwise() -> None:
    picture = rgb(toy_face(300))
    (face,) = find(picture)
    cuts = {
        name: pixels.photo(chip(picture, face, wanted), wanted)
        for name in (None, "arcface", "box")
        for wanted in [preprocessing_from_json(constants(name, 112))]
    }
    assert all(cut.shape == (3, 112, 112) for cut in cuts.values())
    assert np.abs(cuts[None] - cuts["arcface"]).mean() > 0.02
    left, top, right, bottom = face.box
    box = Image.fromarray(picture[top:bottom, left:right]).resize((112, 112))
    np.testing.assert_allclose(cuts["box"], np.asarray(box).transpose(2, 0, 1) / 255, atol=0.05)
    over = replace(face, box=(-20, -10, right, bottom))
    assert chip(picture, over, preprocessing_from_json(constants("box", 112))).size


def built(path: Path, size: int, **stated: object) -> Built:
    convolution(path / "model.onnx", size=(size, size))
    notes = Notes()
    return build_pack(
        path / "model.onnx",
        None,
        path / "mine",
        name="mine",
        preprocess=partial(preprocessing_for, kind="face", notes=notes, **stated),
        license="not stated",
        command="",
        notes=notes,
    )


@pytest.mark.parametrize(
    ("size", "stated", "alignment", "said"),
    [
        (112, {}, "arcface", "faces are cut out as for arcface (--align)"),
        (150, {}, None, "faces are cut out as for dlib (--align)"),
        (160, {"alignment": "box"}, "box", ""),
    ],
)
def test_any_face_network_becomes_a_pack(
    size: int, stated: dict[str, object], alignment: str | None, said: str, tmp_path: Path
) -> None:
    made = built(tmp_path, size, **stated)
    preprocessing = made.pack.card.preprocessing
    assert preprocessing.alignment == alignment
    assert said in [*made.notes.assumed, ""]
    if size == 112:
        assert preprocessing.mean == preprocessing.std == (0.5, 0.5, 0.5)
        assert "mean 0.5, 0.5, 0.5, standard deviation 0.5" in " ".join(made.notes.assumed)
    page = (made.pack.path / "README.md").read_text()
    assert "not stated, as it was stated; whoever uses them answers for it" in page
    assert "faces are found by holotype" in page
    verify_pack(made.pack.path)
    with holotype.open(tmp_path / "door.gallery", made.pack.path) as door:
        door.enroll("somebody", toy_face())
        decision = door.identify(toy_face())
        assert decision.candidates[0].similarity == pytest.approx(1, abs=1e-4)
        assert decision.box is not None
        nobody = door.identify(np.full((90, 90), 80, np.uint8))
        assert nobody.reasons[0].code == "no_face"
    assert Embedder(made.pack).embed([toy_face(260)]).shape == (1, 8)


def test_an_alignment_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="alignment of kind 'face' is not valid: 'mtcnn'"):
        built(tmp_path, 112, alignment="mtcnn")
