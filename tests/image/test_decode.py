"""Every kind of picture that is read, and how."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from holotype.errors import ImageError
from holotype.image.prepare import prepare, read
from toy_images import DRAWING, INK, encoded


def pixels(picture: Image.Image) -> NDArray[np.float32]:
    """The picture as `read` should give it, by way of Pillow's own conversion."""
    return np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1) / 255


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_formats_without_loss_are_read_exactly(tmp_path: Path, file_format: str) -> None:
    picture = Image.fromarray(DRAWING)
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encoded(picture, file_format, **options)
    path = tmp_path / "picture.bin"  # the name does not matter
    path.write_bytes(content)
    for source in (content, path, str(path)):
        result = read(source)
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, pixels(picture))


def test_jpeg_is_read() -> None:
    content = encoded(Image.fromarray(DRAWING), "JPEG", quality=95)
    np.testing.assert_allclose(read(content), pixels(Image.fromarray(DRAWING)), atol=0.1)


def test_colors_stay_in_order() -> None:
    picture = Image.new("RGB", (10, 12), (255, 128, 0))
    assert read(encoded(picture)).shape == (3, 12, 10)
    np.testing.assert_allclose(read(encoded(picture))[:, 0, 0], [1, 128 / 255, 0])


def test_cmyk_jpeg_has_white_paper() -> None:
    # Pillow writes CMYK JPEG as Adobe does: inverted, with an APP14 marker.
    content = encoded(Image.fromarray(DRAWING).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in content
    np.testing.assert_allclose(read(content), pixels(Image.fromarray(DRAWING)), atol=0.1)


def test_cmyk_tiff_is_read() -> None:
    picture = Image.fromarray(DRAWING).convert("CMYK")
    np.testing.assert_array_equal(read(encoded(picture, "TIFF")), pixels(picture))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_range(file_format: str) -> None:
    deep = np.linspace(0, 65535, 20 * 30).astype(np.uint16).reshape(20, 30)
    result = read(encoded(Image.fromarray(deep), file_format))
    np.testing.assert_allclose(result, np.broadcast_to(deep / 65535, (3, 20, 30)), atol=1e-6)


def test_sixteen_bit_grey_in_a_wide_mode_keeps_its_range() -> None:
    deep = np.linspace(0, 65535, 20 * 30).astype(np.int32).reshape(20, 30)
    np.testing.assert_allclose(read(Image.fromarray(deep))[0], deep / 65535, atol=1e-6)
    with pytest.raises(ImageError, match="do not fit 16 bits"):
        read(Image.fromarray(deep * 2))


def test_sixteen_bit_transparent_grey_shows_paper() -> None:
    deep = np.zeros((10, 10), np.uint16)
    deep[5] = 30000
    content = encoded(Image.fromarray(deep), transparency=0)
    result = read(content)
    assert result[0, 0, 0] == 1
    assert result[0, 5, 0] == pytest.approx(30000 / 65535)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_one_bit_is_read(file_format: str) -> None:
    picture = Image.fromarray(DRAWING > 127)
    np.testing.assert_array_equal(read(encoded(picture, file_format)), pixels(picture))


def test_palette_is_read() -> None:
    picture = Image.new("RGB", (20, 20), (250, 240, 10))
    picture.paste((10, 20, 200), (5, 5, 15, 15))
    picture = picture.convert("P", palette=Image.Palette.ADAPTIVE)
    np.testing.assert_array_equal(read(encoded(picture)), pixels(picture))


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_transparent_palette_shows_paper(file_format: str) -> None:
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([0, 0, 0, 200, 0, 0])
    picture.paste(1, (5, 5, 15, 15))
    result = read(encoded(picture, file_format, transparency=0))
    np.testing.assert_allclose(result[:, 0, 0], 1)
    np.testing.assert_allclose(result[:, 10, 10], [200 / 255, 0, 0])


@pytest.mark.parametrize("mode", ["LA", "RGBA", "La", "RGBa", "PA"])
def test_transparency_shows_paper(mode: str) -> None:
    # Black everywhere; only the alpha channel holds the drawing, half transparent at that.
    alpha = Image.fromarray((255 - DRAWING) // 2)
    picture = Image.new("LA", alpha.size, 0)
    picture.putalpha(alpha)
    if mode == "PA":
        picture = picture.convert("L").convert("P")
        picture.putalpha(alpha)
    elif mode in ("RGBA", "RGBa"):
        picture = picture.convert("RGBA").convert(mode)
    else:
        picture = picture.convert(mode)
    assert picture.mode == mode
    expected = 1 - np.asarray(alpha, np.float32) / 255
    np.testing.assert_allclose(read(picture), np.broadcast_to(expected, (3, 48, 60)), atol=0.01)


def test_transparent_color_shows_paper() -> None:
    picture = Image.new("RGB", (20, 20), (1, 2, 3))
    picture.paste((9, 9, 9), (5, 5, 15, 15))
    result = read(encoded(picture, transparency=(1, 2, 3)))
    np.testing.assert_allclose(result[:, 0, 0], 1)
    np.testing.assert_allclose(result[:, 10, 10], 9 / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_exif_orientation_is_undone(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encoded(Image.fromarray(DRAWING), file_format, exif=exif, **options)
    with Image.open(io.BytesIO(content)) as picture:
        expected = pixels(ImageOps.exif_transpose(picture))
    np.testing.assert_allclose(read(content), expected, atol=1e-6)
    if orientation > 4:
        assert read(content).shape == (3, 60, 48)


def test_sixteen_bits_are_turned_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = np.linspace(0, 65535, 20 * 30).astype(np.uint16).reshape(20, 30)
    np.testing.assert_allclose(
        read(encoded(Image.fromarray(deep), exif=exif))[0], np.rot90(deep, -1) / 65535, atol=1e-6
    )


def test_damaged_exif_does_not_spoil_the_picture() -> None:
    content = encoded(Image.fromarray(DRAWING), exif=b"Exif\0\0MM\0*\xff\xff\xff\xffnonsense")
    np.testing.assert_array_equal(read(content), pixels(Image.fromarray(DRAWING)))


def test_of_a_telephone_picture_the_first_counts() -> None:
    first, preview = Image.fromarray(DRAWING), Image.new("L", (30, 24), 99)
    content = encoded(first, "MPO", save_all=True, append_images=[preview], quality=95)
    np.testing.assert_allclose(read(content), pixels(first), atol=0.1)


@pytest.mark.parametrize("trailing", [(), (1,)])
@pytest.mark.parametrize(
    ("dtype", "top"), [(bool, 1), (np.uint8, 255), (np.uint16, 65535), (">u2", 65535), (float, 1)]
)
def test_arrays_of_each_kind_agree(dtype: Any, top: int, trailing: tuple[int, ...]) -> None:
    array = ((DRAWING > 127) * top).astype(dtype).reshape(*DRAWING.shape, *trailing)
    np.testing.assert_array_equal(read(array), pixels(Image.fromarray(DRAWING > 127)))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_color_arrays_are_read(dtype: Any) -> None:
    color = np.random.default_rng(0).integers(0, 256, (12, 9, 3)).astype(np.uint8)
    array = color if dtype == np.uint8 else color.astype(dtype) / 255
    np.testing.assert_allclose(read(array), color.transpose(2, 0, 1) / 255, atol=1e-6)
    alpha = np.full((12, 9, 1), 0, dtype)
    np.testing.assert_array_equal(read(np.concatenate([array, alpha], 2)), np.ones((3, 12, 9)))


def test_sources_are_left_as_they_are() -> None:
    picture = Image.fromarray(DRAWING).convert("RGBA")
    picture.info["note"] = "mine"
    before = picture.copy()
    array = DRAWING.copy()
    for source in (picture, array):
        read(source)[:] = 0.5
        prepare(source, INK)
    assert picture == before
    assert picture.info == before.info
    np.testing.assert_array_equal(array, DRAWING)
