from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import ImageError
from holotype.image.ink import MIN_CONTRAST, Drawing, fit, strokes
from toy_packs import toy_drawing

DRAWING = toy_drawing(7).astype(np.float32) / 255


def test_ink_is_one_and_paper_zero() -> None:
    result = strokes(DRAWING)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, DRAWING == 0)


def test_white_on_black_reads_as_black_on_white() -> None:
    np.testing.assert_array_equal(strokes(1 - DRAWING), strokes(DRAWING))


@given(paper=st.floats(0.4, 1), contrast=st.floats(MIN_CONTRAST + 0.001, 0.4), swap=st.booleans())
@settings(max_examples=40, deadline=None)
def test_paper_and_pen_do_not_matter(paper: float, contrast: float, swap: bool) -> None:
    picture = (paper - contrast * (1 - DRAWING)).astype(np.float32)
    np.testing.assert_allclose(
        strokes(1 - picture if swap else picture), strokes(DRAWING), atol=1e-4
    )


def test_the_texture_of_the_paper_is_not_ink() -> None:
    noise = np.random.default_rng(0).uniform(-0.05, 0, DRAWING.shape)
    result = strokes((DRAWING * 0.9 + noise).clip(0, 1).astype(np.float32))
    np.testing.assert_array_equal(result[DRAWING == 1], 0)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_blank_has_no_contrast(value: float) -> None:
    with pytest.raises(ImageError, match=r"no contrast \(0\.000 of the full range; 0\.063"):
        strokes(np.full((20, 20), value, np.float32))


def test_contrast_counts_from_its_least() -> None:
    def faint(contrast: float) -> np.ndarray:
        return (1 - contrast * (1 - DRAWING)).astype(np.float32)

    assert strokes(faint(MIN_CONTRAST + 1e-4)).max() == 1
    with pytest.raises(ImageError, match="contrast"):
        strokes(faint(MIN_CONTRAST - 1e-4))


def test_a_drawing_is_scaled_and_centered() -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[70:90, 10:50] = 1  # 40 x 20, in a corner
    expected = np.zeros((28, 28))
    expected[8:20, 2:26] = 1  # 24 x 12, in the middle
    result = fit(ink, size_px=28, margin_px=2)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result > 0.5, expected)


def test_a_drawing_is_scaled_up_as_well() -> None:
    ink = np.zeros((8, 8), np.float32)
    ink[2:6, 3:5] = 1
    result = fit(ink, size_px=48, margin_px=4) > 0.5
    assert result.any(1).sum() == 40
    assert result.any(0).sum() == 20


@given(
    top=st.integers(0, 30),
    bottom=st.integers(0, 30),
    left=st.integers(0, 30),
    right=st.integers(0, 30),
)
@settings(max_examples=30, deadline=None)
def test_the_place_in_the_frame_does_not_matter(
    top: int, bottom: int, left: int, right: int
) -> None:
    ink = strokes(DRAWING)
    moved = np.pad(ink, ((top, bottom), (left, right)))
    np.testing.assert_allclose(fit(moved, 32, 2), fit(ink, 32, 2), atol=1e-4)


def test_a_thin_pen_is_not_washed_out() -> None:
    ink = np.zeros((400, 400), np.float32)
    np.fill_diagonal(ink, 1)
    assert fit(ink, 28, 2).max() == 1


def test_a_single_pixel_of_ink_fills_the_box() -> None:
    ink = np.zeros((9, 9), np.float32)
    ink[8, 0] = 1
    assert (fit(ink, 16, 2)[2:14, 2:14] > 0.3).all()


def test_what_is_drawn_taller_fills_the_square_if_it_is_wide() -> None:
    ink = np.zeros((60, 200), np.float32)
    ink[20:40, 60:100] = 1
    assert (fit(ink, 40, 2, taller=2)[3:37, 3:37] > 0.99).all()
    narrow = np.flatnonzero(fit(ink[:, 50:80], 40, 2, taller=2).max(0) > 0.5)
    assert np.ptp(narrow) + 1 == 18  # it is as wide as tall, and drawn at twice its height


def test_a_drawing_is_fitted_once() -> None:
    drawing = Drawing(DRAWING)
    np.testing.assert_array_equal(drawing.fitted(28, 2), fit(drawing.strokes, 28, 2))
    assert drawing.fitted(28, 2) is drawing.fitted(28, 2)
    assert not np.array_equal(drawing.fitted(28, 2), drawing.fitted(28, 2, taller=2))
