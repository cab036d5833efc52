"""HEIC: read with its extra, and without it the error says what to install."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from holotype.errors import ImageError
from holotype.image import prepare

_HEADER = b"\x00\x00\x00\x18ftypheic" + bytes(64)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"HEIC picture, and pillow-heif.*\[heic\]"):
        prepare.read(_HEADER)


def test_with_the_extra_it_is_read_and_a_damaged_one_refused() -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the extra `heic`")
    tones = np.tile(np.linspace(20, 230, 64).astype(np.uint8), (48, 1))
    file = io.BytesIO()
    picture = Image.fromarray(np.stack([tones, tones, 255 - tones], axis=-1))
    heif.from_pillow(picture).save(file, format="HEIF", quality=95)
    pixels = prepare.read(file.getvalue())
    assert pixels.shape == (3, 48, 64)
    np.testing.assert_allclose(pixels[0], tones / 255, atol=0.06)
    for damaged in (_HEADER, file.getvalue()[: len(file.getvalue()) // 2]):
        with pytest.raises(ImageError, match=r"damaged|not a picture"):
            prepare.read(damaged)
