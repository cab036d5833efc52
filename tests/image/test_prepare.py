"""Drawings become the input of a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from holotype.image.prepare import ImageSource, prepare, prepare_batch
from holotype.preprocessing import Preprocessing
from toy_images import DRAWING, FRAME, INK, encoded
from toy_packs import toy_drawing


def test_prepared_ink_fills_its_box() -> None:
    result = prepare(DRAWING, INK)
    assert result.shape == (1, 32, 32)
    assert result.dtype == np.float32
    assert result.max() == 1
    assert result.min() == 0
    rows, columns = (
        np.flatnonzero((result[0] > 0.35).any(1)),
        np.flatnonzero((result[0] > 0.35).any(0)),
    )
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (27, 28, 29)  # 32 less twice the margin


SAME_DRAWING: dict[str, Callable[[], ImageSource]] = {
    "white on black": lambda: 255 - DRAWING,
    "16 bits": lambda: DRAWING.astype(np.uint16) * 257,
    "1 bit": lambda: DRAWING > 127,
    "floats": lambda: DRAWING / 255,
    "CMYK": lambda: encoded(Image.fromarray(DRAWING).convert("CMYK"), "TIFF"),
    "palette": lambda: encoded(Image.fromarray(DRAWING).convert("P")),
    "transparent": lambda: Image.merge(
        "RGBA", [Image.new("L", (60, 48))] * 3 + [Image.fromarray(255 - DRAWING)]
    ),
    "blue on yellow": lambda: np.where(
        DRAWING[:, :, None] > 127, np.uint8([250, 240, 150]), np.uint8([20, 20, 120])
    ),
    "off center": lambda: np.pad(DRAWING, ((30, 3), (5, 70)), constant_values=255),
}


@pytest.mark.parametrize("kind", SAME_DRAWING)
def test_the_same_drawing_in_another_guise_prepares_the_same(kind: str) -> None:
    np.testing.assert_allclose(prepare(SAME_DRAWING[kind](), INK), prepare(DRAWING, INK), atol=2e-3)


def test_a_frame_keeps_the_place_of_the_drawing() -> None:
    drawing = np.full((28, 28), 255, np.uint8)
    drawing[3:6, 20:22] = 0
    np.testing.assert_array_equal(prepare(drawing, FRAME)[0], drawing == 0)


def test_a_frame_that_is_not_square_is_centered_on_paper() -> None:
    wide = np.full((10, 28), 255, np.uint8)
    wide[4, 2:26] = 0
    np.testing.assert_array_equal(prepare(wide, FRAME)[0, 9:19], wide == 0)
    np.testing.assert_array_equal(prepare(wide.T, FRAME)[0, :, 9:19], wide.T == 0)
    assert prepare(wide, FRAME).sum() == 24


def test_a_frame_keeps_its_margin() -> None:
    drawing = np.full((24, 24), 255, np.uint8)
    drawing[0, 5:9] = drawing[23, 23] = 0
    result = prepare(drawing, Preprocessing("frame", size_px=28, margin_px=2))[0]
    np.testing.assert_array_equal(result[2:26, 2:26], drawing == 0)


def test_eight_pixel_digits_are_read() -> None:
    digit = np.zeros((8, 8), np.float32)
    digit[1:7, 3:5] = 1
    assert prepare(digit, INK).max() == 1


def test_a_large_scan_prepares_as_its_reduction() -> None:
    drawing = toy_drawing(3, side_px=500)
    large = np.kron(drawing, np.ones((4, 4), np.uint8))  # 2000 px: halved before the strokes
    halved = np.kron(drawing, np.ones((2, 2), np.uint8))
    np.testing.assert_allclose(prepare(large, INK), prepare(halved, INK), atol=1e-5)
    # A side that is no multiple of the block: the last block is a mean of fewer pixels.
    ragged = np.pad(large, ((0, 1), (0, 1)), constant_values=255)
    np.testing.assert_allclose(prepare(ragged, INK), prepare(halved, INK), atol=1e-5)
    for kind in (large / 255, np.repeat(large[:, :, None], 3, 2)):
        np.testing.assert_allclose(prepare(kind, INK), prepare(halved, INK), atol=1e-4)


def test_a_batch_is_its_pictures() -> None:
    sources = [DRAWING, encoded(Image.fromarray(DRAWING)), toy_drawing(2)]
    batch = prepare_batch(sources, INK)
    assert batch.shape == (3, 1, 32, 32)
    assert batch.dtype == np.float32
    for source, prepared in zip(sources, batch, strict=True):
        np.testing.assert_array_equal(prepare(source, INK), prepared)
    assert prepare_batch([], INK).shape == (0, 1, 32, 32)
