"""Photographs become a model's input: whole or cut, in their tones, never aliased."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from holotype.domains.registry import preprocessing_from_json
from holotype.errors import ImageError
from holotype.image.prepare import prepare, prepare_batch
from holotype.pack import load_pack, model_id, write_pack
from holotype.preprocessing import Preprocessing
from toy_packs import toy_parts
from toy_photos import photo_model

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


def photo(fit: str, size_px: int = 16, channels: int = 3) -> Preprocessing:
    mean, std = (MEAN, STD) if channels == 3 else ((0.5,), (0.25,))
    return preprocessing_from_json(
        {
            "kind": "photo",
            "size_px": size_px,
            "margin_px": 0,
            "channels": channels,
            "fit": fit,
            "mean": mean,
            "std": std,
        }
    )


def tones(result: np.ndarray) -> np.ndarray:
    """Back to [C, S, S] in [0, 1]."""
    return result * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]


COLORS = np.zeros((16, 32, 3), np.uint8)
COLORS[:, :8], COLORS[:, 8:24], COLORS[:, 24:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_the_tones_are_standardized() -> None:
    grey = np.full((16, 16), 51, np.uint8)
    expected = (0.2 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(prepare(grey, photo("crop"))[:, 3, 5], expected, atol=1e-6)
    np.testing.assert_allclose(
        prepare(grey, photo("crop", channels=1)), (0.2 - 0.5) / 0.25, atol=1e-6
    )


def test_crop_takes_the_middle() -> None:
    result = tones(prepare(COLORS, photo("crop")))
    np.testing.assert_allclose(
        result, np.array([0, 1, 0.0])[:, None, None] + np.zeros((16, 16)), atol=1e-6
    )
    upright = tones(prepare(COLORS.swapaxes(0, 1), photo("crop")))
    np.testing.assert_allclose(upright, result, atol=1e-6)


def test_pad_keeps_all_on_the_mean() -> None:
    result = prepare(COLORS, photo("pad"))
    assert (result[:, :4] == 0).all()
    assert (result[:, 12:] == 0).all()
    np.testing.assert_allclose(tones(result)[:, 8, [1, 8, 14]].T, np.eye(3), atol=1e-6)


def test_stretch_keeps_all() -> None:
    result = tones(prepare(COLORS, photo("stretch")))
    np.testing.assert_allclose(result[:, 8, [1, 8, 14]].T, np.eye(3), atol=1e-6)
    assert (result[1] > 0.5).sum(axis=1).tolist() == [8] * 16


def test_grey_and_color_are_made_of_one_another() -> None:
    color = prepare(COLORS, photo("stretch", channels=1))[0] * 0.25 + 0.5
    np.testing.assert_allclose(color[8, [1, 8, 14]], [0.299, 0.587, 0.114], atol=1e-6)
    grey = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
    planes = tones(prepare(grey, photo("crop")))
    np.testing.assert_allclose(planes[0], planes[2], atol=1e-6)


def test_fine_patterns_do_not_alias() -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255
    for side in (16, 40):
        inner = tones(prepare(stripes, photo("crop", side)))[:, 2:-2, 2:-2]
        assert np.abs(inner - 0.5).max() < 0.05
    # Beyond the working size, where blocks are averaged first.
    large = np.kron(stripes, np.ones((6, 6), np.uint8))
    assert np.abs(tones(prepare(large, photo("crop", 40)))[:, 2:-2, 2:-2] - 0.5).max() < 0.05


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(8, 90),
    width=st.integers(8, 90),
    size_px=st.integers(8, 40),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    channels=st.sampled_from([1, 3]),
)
def test_any_shape_gives_the_input(
    height: int, width: int, size_px: int, fit: str, channels: int
) -> None:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    result = prepare(pixels, photo(fit, size_px, channels))
    assert result.shape == (channels, size_px, size_px)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    mirrored = prepare(pixels[:, ::-1], photo(fit, size_px, channels))
    if (width - min(height, width)) % 2 == 0 and fit != "pad":
        np.testing.assert_allclose(mirrored[:, :, ::-1], result, atol=1e-4)


def test_parts_are_the_batch_and_name_the_picture() -> None:
    pictures = [COLORS, COLORS[::-1], COLORS[:, ::-1]]
    parts = [
        prepare_batch(pictures, photo("crop"), part=part) for part in (slice(2), slice(2, None))
    ]
    assert [len(part) for part in parts] == [2, 1]
    np.testing.assert_array_equal(np.concatenate(parts), prepare_batch(pictures, photo("crop")))
    with pytest.raises(ImageError, match=r"^picture 3 of 3, 'none\.png'"):
        prepare_batch([COLORS, COLORS, "none.png"], photo("crop"), part=slice(2, 4))


def test_a_photo_is_read_from_any_source(tmp_path: Path) -> None:
    picture = Image.fromarray(COLORS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    expected = prepare(COLORS, photo("stretch"))
    for source in (picture, buffer.getvalue(), tmp_path / "a.png", COLORS / 255):
        np.testing.assert_allclose(prepare(source, photo("stretch")), expected, atol=1e-6)


# --- the card ---


def test_the_ids_of_before_are_the_same() -> None:
    """Galleries are bound to it."""
    card = load_pack("characters").card
    assert card.model_id == "b3bc4b776c0a3c44"
    assert card.preprocessing == Preprocessing("ink", 48, 4)
    assert card.preprocessing.to_json() == {
        "kind": "ink",
        "size_px": 48,
        "margin_px": 4,
        "channels": 1,
    }


def test_whole_numbers_give_the_same_id() -> None:
    whole = Preprocessing("photo", 16, 0, 3, "crop", (0, 0, 0), (1, 1, 1))
    exact = Preprocessing("photo", 16, 0, 3, "crop", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert model_id(b"", whole) == model_id(b"", exact)
    assert model_id(b"", whole) != model_id(
        b"", Preprocessing("photo", 16, 0, 3, "pad", *[(0.0,) * 3] * 2)
    )


def test_a_pack_of_photos_comes_back(tmp_path: Path) -> None:
    constants = photo("pad", 32)
    parts = toy_parts(dim=24) | {
        "preprocessing": constants,
        "model": photo_model().SerializeToString(),
    }
    write_pack(tmp_path / "toy", **parts)
    assert load_pack(tmp_path / "toy").card.preprocessing == constants
    stored = json.loads((tmp_path / "toy" / "card.json").read_text())["preprocessing"]
    assert stored["mean"] == list(MEAN)
    page = (tmp_path / "toy" / "README.md").read_text()
    assert "RGB, kind `photo`, fitted by `pad`, mean 0.5, 0.4, 0.3, standard deviation" in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fit": None}, "lacks the field 'fit', which kind 'photo' needs"),
        ({"mean": None}, "lacks the field 'mean'"),
        ({"std": [0, 1, 1]}, "std of kind 'photo'"),
        ({"mean": [float("nan")] * 3}, "mean of kind 'photo'"),
        ({"mean": [0.5]}, "1 values for channels=3"),
        ({"margin_px": 2}, "has no margin"),
        ({"channels": 2}, "channels of kind 'photo'"),
        ({"kind": "ink", "channels": 1}, "mean does not belong to kind 'ink'"),
        ({"fit": "wide"}, "fit of kind 'photo' is not valid"),
        ({"kind": "frame", "channels": 1, "fit": "wide"}, "fit does not belong to kind 'frame'"),
        ({"kind": "frame", "fit": None, "mean": None, "std": None}, "drawings are grey"),
        ({"zoom": 2}, "unknown field 'zoom'"),
        ({"share": 1.5}, "share of kind 'photo'"),
        ({"fit": "pad", "share": 0.5}, "share belongs to fit 'crop'"),
        ({"width_px": 2}, "width_px of kind 'photo'"),
        ({"resample": "cubic"}, "resample of kind 'photo'"),
        ({"alignment": "arcface"}, "alignment does not belong to kind 'photo'"),
        ({"inputs": []}, "inputs does not belong to kind 'photo'"),
    ],
)
def test_what_is_no_preprocessing(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        preprocessing_from_json({**photo("crop").to_json(), **changes})


def test_ink_may_be_fitted_wide() -> None:
    wide = Preprocessing("ink", size_px=96, margin_px=2, fit="wide")
    assert preprocessing_from_json(wide.to_json()) == wide
    assert "fit" not in Preprocessing("ink", size_px=96, margin_px=2).to_json()


@pytest.mark.parametrize(
    ("fit", "share", "expected"),
    [
        # of 0..7 in every row: all eight columns, or the middle ones, shrunk to four
        ("stretch", None, [0.5, 2.5, 4.5, 6.5]),
        ("crop", None, [0.5, 2.5, 4.5, 6.5]),
        ("crop", 0.5, [2, 3, 4, 5]),
    ],
)
def test_an_input_that_is_not_square(fit: str, share: float | None, expected: list[float]) -> None:
    constants = preprocessing_from_json(
        {
            "kind": "photo",
            "size_px": 16,
            "width_px": 32,
            "margin_px": 0,
            "channels": 1,
            "fit": fit,
            "share": share,
            "resample": "box",
            "mean": [0.0],
            "std": [1.0],
        }
    )
    row = np.repeat(np.arange(8) / 10, 16)  # [128], each tone 16 px wide
    picture = np.broadcast_to(row, (64, 128)).astype(np.float32)
    prepared = prepare(picture, constants)
    assert prepared.shape == (1, 16, 32) == constants.input_shape
    means = prepared[0, 3].reshape(4, 8).mean(1) * 10
    np.testing.assert_allclose(means, expected, atol=1e-5)


def test_a_tall_picture_is_cut_to_a_wide_input() -> None:
    constants = photo("crop")
    wide = preprocessing_from_json({**constants.to_json(), "size_px": 8, "width_px": 32})
    picture = np.zeros((64, 64, 3), np.float32)
    picture[24:40] = 1  # the middle quarter of the rows is all that is kept
    np.testing.assert_allclose(
        prepare(picture, wide)[:, 4, 4], (1 - np.array(MEAN)) / np.array(wide.std), rtol=1e-5
    )
    assert prepare(picture, wide).min() > 0
