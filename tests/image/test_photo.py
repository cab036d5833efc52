"""Photographs that are unfit are named, and fit ones pass."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from holotype.datasets.catalogue import load_dataset
from holotype.image import quality
from holotype.image.pixels import Picture
from holotype.preprocessing import Preprocessing
from holotype.records import Reason

PHOTO = Preprocessing("photo", 64, 0, 3, "crop", (0.0,) * 3, (1.0,) * 3)


def scene(side_px: int = 96) -> np.ndarray:
    """Squares in many tones: float32 [side, side]."""
    tones = np.random.default_rng(0).random((8, 8), dtype=np.float32)
    return np.kron(tones, np.ones((side_px // 8, side_px // 8), np.float32))


def blurred(picture: np.ndarray, radius_px: float) -> np.ndarray:
    image = Image.fromarray(np.round(picture * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius_px)), np.float32) / 255


def assess(luminance: np.ndarray, preprocessing: Preprocessing) -> tuple[Reason, ...]:
    return quality.assess(Picture(luminance[:, :, None]), preprocessing)


def codes(luminance: np.ndarray) -> list[str]:
    return [reason.code for reason in assess(luminance, PHOTO)]


def test_a_sharp_picture_is_fit() -> None:
    assert codes(scene()) == []
    assert codes(0.4 + 0.2 * scene()) == []  # in the haze
    assert codes(blurred(scene(), 1)) == []


def test_a_blurred_picture() -> None:
    (reason,) = assess(blurred(scene(), 8), PHOTO)
    assert reason.code == "low_quality_blur"
    assert "at most 10% is understood. Hold the camera still" in reason.text


def test_a_dark_picture() -> None:
    assert codes(0.03 * scene()) == ["low_quality_contrast"]
    assert codes(np.zeros((40, 40), np.float32)) == ["low_quality_contrast"]


def test_a_small_picture() -> None:
    reason = assess(scene(96)[:15], PHOTO)[0]
    assert reason.code == "low_quality_size"
    assert "15 px on its shorter side; at least 16 px are needed" in reason.text
    assert "low_quality_size" not in codes(scene(96)[:16])


@pytest.mark.data
def test_real_photographs_are_fit() -> None:
    orl = load_dataset("orl")
    faces = [np.asarray(orl.images[row], np.float32) / 255 for row in range(0, len(orl), 8)]
    assert [face for face in faces if codes(face)] == []
    assert all(codes(blurred(face, 0.06 * 92)) == ["low_quality_blur"] for face in faces)
