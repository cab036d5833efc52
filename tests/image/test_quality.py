"""Quality: each flaw is named, and what is fit to be recognized is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from holotype.datasets.catalogue import load_dataset
from holotype.image import quality
from holotype.image.pixels import Picture
from holotype.preprocessing import Preprocessing
from holotype.records import Reason
from toy_packs import toy_drawing

INK = Preprocessing("ink", size_px=48, margin_px=4)


def grey(picture: np.ndarray | Image.Image) -> np.ndarray:
    return np.asarray(picture, dtype=np.float32) / 255


def assess(luminance: np.ndarray, preprocessing: Preprocessing) -> tuple[Reason, ...]:
    return quality.assess(Picture(luminance[:, :, None]), preprocessing)


def codes(luminance: np.ndarray) -> set[str]:
    return {reason.code for reason in assess(luminance, INK)}


DRAWING = grey(toy_drawing(1, side_px=105))


def test_plain_drawings_are_fit() -> None:
    flawed = [c for c in range(200) if codes(grey(toy_drawing(c, side_px=105)))]
    assert len(flawed) <= 1


def test_the_shipped_samples_are_fit() -> None:
    for name, most in (("sample", 0.005), ("digits", 0.002)):  # digits are 8 x 8 pixels
        pictures = load_dataset(name).images[:]
        scale = 255 if pictures.dtype == np.uint8 else 1
        flawed = [
            bool(assess(picture.reshape(picture.shape[-2:]).astype(np.float32) / scale, INK))
            for picture in pictures
        ]
        assert np.mean(flawed) <= most


def test_white_on_black_is_judged_alike() -> None:
    assert codes(1 - DRAWING) == set()


def test_faint_ink() -> None:
    assert codes(1 - 0.08 * (1 - DRAWING)) == {"low_quality_contrast"}


def test_uneven_paper() -> None:
    rng = np.random.default_rng(0)
    assert "low_quality_contrast" in codes(rng.random((80, 80), dtype=np.float32))


def test_a_speck() -> None:
    speck = np.ones((40, 40), dtype=np.float32)
    speck[20:23, 20] = 0
    assert "low_quality_size" in codes(speck)


@pytest.mark.parametrize("kind", ["solid", "frame", "checkers"])
def test_what_is_no_drawing(kind: str) -> None:
    picture = np.ones((96, 96), dtype=np.float32)
    if kind == "solid":
        picture[10:80, 10:80] = 0
    elif kind == "frame":
        picture[:, :30] = 0
    else:
        picture[8:88, 8:88] = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((5, 5)))
    assert "low_quality_ink" in codes(picture)


def test_almost_no_ink() -> None:
    picture = np.ones((400, 400), dtype=np.float32)
    picture[[20, 380], [20, 380]] = 0  # two specks of dust
    assert "low_quality_ink" in codes(picture)


def test_blur_counts_beside_the_size_of_the_drawing() -> None:
    def blurred(side_px: int, radius: float) -> set[str]:
        picture = Image.fromarray(toy_drawing(1, side_px=side_px))
        return codes(grey(picture.filter(ImageFilter.GaussianBlur(radius))))

    assert blurred(105, 1) == set()
    assert "low_quality_blur" in blurred(105, 7)
    assert "low_quality_blur" not in blurred(800, 7)


def test_a_reason_gives_value_rule_and_remedy() -> None:
    (reason,) = assess(1 - 0.08 * (1 - DRAWING), INK)
    assert reason.code == "low_quality_contrast"
    assert "8%" in reason.text
    assert "at least 10%" in reason.text
    assert reason.text.endswith("Use a darker pen or more light")


def test_other_kinds_are_not_judged() -> None:
    assert assess(DRAWING * 0, Preprocessing("frame", size_px=28, margin_px=0)) == ()


def test_a_name_may_have_more_strokes_than_a_character() -> None:
    fence = np.full((60, 60), 1.0, np.float32)
    fence[5:55, 5:55:7] = fence[5:55, 6:55:7] = 0
    assert [reason.code for reason in assess(fence, INK)] == ["low_quality_ink"]
    assert not assess(fence, replace(INK, fit="wide"))
