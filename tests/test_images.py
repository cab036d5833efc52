from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from holotype.errors import ImageError
from holotype.images import ImageSource, prepare, prepare_batch, read
from holotype.records import Preprocessing
from toy_packs import toy_drawing

INK = Preprocessing("ink", size_px=32, margin_px=2)
FRAME = Preprocessing("frame", size_px=28, margin_px=0)
# An asymmetric drawing, so that every rotation and reflection of it differs.
DRAWING = toy_drawing(7, side_px=60)[:48]


def encoded(picture: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def pixels(picture: Image.Image) -> NDArray[np.float32]:
    """The picture as `read` should give it, by way of Pillow's own conversion."""
    return np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1) / 255


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


# --- what is read, and how ---


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


# --- the input of a model ---


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


# --- what is refused ---


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", encoded(Image.fromarray(DRAWING)))
    return buffer.getvalue()


def frames(file_format: str) -> bytes:
    first = Image.fromarray(DRAWING)
    return encoded(first, file_format, save_all=True, append_images=[ImageOps.mirror(first)])


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"this is not a picture\n" * 9, "not a picture in a format that is read"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format that is read"),
    "archive": (zipped(), "not a picture in a format"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, r"format that is read \(PNG, J"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n", "format that is read"),
    "icon": (encoded(Image.new("RGB", (32, 32)), "ICO"), "format that is read"),
    "51 megapixels": (png_header(8500, 6000), r"8500 x 6000 px are more than 50 megapixels"),
    "bomb": (png_header(100_000, 100_000), "more than 50 megapixels"),
    "thin": (encoded(Image.new("L", (100, 7))), "100 x 7 px: a side is under 8 px"),
    "long": (encoded(Image.new("L", (409, 8))), "more than 50 times the other"),
    "gif": (frames("GIF"), "more than one frame"),
    "apng": (frames("PNG"), "more than one frame"),
    "webp": (frames("WEBP"), "more than one frame"),
    "tiff": (frames("TIFF"), "more than one frame or page"),
    "floats": (encoded(Image.fromarray(np.float32(DRAWING)), "TIFF"), r"not within \[0, 1\]"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_files_are_refused(tmp_path: Path, kind: str) -> None:
    content, said = REFUSED[kind]
    path = tmp_path / f"{kind}.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=said) as by_path:
        read(path)
    assert repr(str(path)) in str(by_path.value)
    with pytest.raises(ImageError, match=said):
        read(content)


def test_just_within_the_limits_is_read() -> None:
    assert read(np.zeros((8, 400), bool)).shape == (3, 8, 400)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("preprocessing", [INK, FRAME])
def test_no_contrast_is_refused(preprocessing: Preprocessing, value: int) -> None:
    blank = encoded(Image.new("L", (30, 30), value))
    with pytest.raises(ImageError, match=r"<\d+ bytes>: the picture has no contrast"):
        prepare(blank, preprocessing)


LOSSLESS = {
    file_format: encoded(Image.fromarray(DRAWING), file_format, **options)
    for file_format, options in {
        "PNG": {},
        "GIF": {},
        "BMP": {},
        "TIFF": {},
        "WEBP": {"lossless": True},
        "PPM": {},
        "JPEG": {"quality": 95},
    }.items()
}


@given(file_format=st.sampled_from(sorted(LOSSLESS)), share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_a_truncated_picture_is_refused_or_whole(file_format: str, share: float) -> None:
    content = LOSSLESS[file_format]
    try:
        result = read(content[: int(share * len(content))])
    except ImageError:
        return
    # What is cut may be an epilogue that holds no pixels; half a picture never passes.
    np.testing.assert_array_equal(result, read(content))


@pytest.mark.parametrize("file_format", sorted(LOSSLESS))
def test_half_a_picture_is_refused(file_format: str) -> None:
    content = LOSSLESS[file_format]
    with pytest.raises(ImageError, match=r"truncated or damaged|format that is read"):
        read(content[: len(content) // 2])


@given(
    file_format=st.sampled_from(sorted(LOSSLESS)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
@settings(max_examples=100, deadline=None)
def test_damage_raises_nothing_but_an_image_error(
    file_format: str, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(LOSSLESS[file_format])
    for place, value in changes:
        content[int(place * len(content))] = value
    try:
        result = read(bytes(content))
    except ImageError:
        return
    assert np.isfinite(result).all()


def test_a_truncated_picture_that_pillow_opened_is_refused() -> None:
    content = LOSSLESS["PNG"]
    with (
        Image.open(io.BytesIO(content[: len(content) // 2])) as lazy,
        pytest.raises(ImageError, match=r"<PIL image L 60 x 48>: .*truncated"),
    ):
        read(lazy)


def test_an_animation_that_pillow_opened_is_refused() -> None:
    with (
        Image.open(io.BytesIO(frames("GIF"))) as lazy,
        pytest.raises(ImageError, match="more than one frame"),
    ):
        read(lazy)


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    for source, said in (
        (tmp_path / "missing.png", "no such file"),
        ("", "no such file"),
        (tmp_path, "a folder is not a picture"),
        (pipe, "pipe, socket or device"),
        ("/dev/zero", "pipe, socket or device"),
        (loop, "cannot be opened"),
        ("a\0b.png", "cannot be opened"),
        ("x" * 5000, "cannot be opened"),
    ):
        with pytest.raises(ImageError, match=said):
            read(source)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_rights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "locked.png"
    path.write_bytes(LOSSLESS["PNG"])
    path.chmod(0)
    with pytest.raises(ImageError, match="cannot be opened"):
        read(path)


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse: takes no space
    with pytest.raises(ImageError, match="1,000,000,000,000 bytes are more than the 100,000,000"):
        read(path)


def test_a_path_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        read(tmp_path / "a\x1b[2J\nb.png")
    assert r"a\x1b[2J\nb.png" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 20, 20)), r"\[3, 20, 20\] is not \[H, W\]"),
        (np.zeros((20, 20, 2)), "channels last"),
        (np.zeros((1, 20, 20, 3)), "Pass one picture"),
        (np.zeros(20), r"\[20\] is not"),
        (np.zeros((0, 20)), "a side is under 8 px"),
        (np.zeros((20, 20), np.int64), "int64 is not bool, uint8, uint16 or float"),
        (np.zeros((20, 20), complex), "complex128 is not"),
        (np.full((20, 20), 255.0), r"255 are not within \[0, 1\]"),
        (np.full((20, 20), np.nan), "nan are not within"),
        (np.full((20, 20), -0.1), r"not within \[0, 1\]"),
        (np.broadcast_to(np.uint8(0), (10_000, 6000)), "more than 50 megapixels"),
        (17, "a int is not a picture"),
        (None, "a NoneType is not a picture"),
    ],
)
def test_bad_arrays_are_refused(array: Any, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        read(array)


def test_an_error_says_which_picture() -> None:
    with pytest.raises(ImageError, match=r"^picture 2 of 3, 'missing\.png': no such file\. Check"):
        prepare_batch([DRAWING, "missing.png", DRAWING], INK)
    with pytest.raises(ImageError, match=r"^'missing\.png': no such file"):
        prepare_batch(["missing.png"], INK)


@pytest.mark.parametrize("shape", [(8, 400), (7000, 7000), (1000, 50_000)])
def test_memory_is_bounded(tmp_path: Path, shape: tuple[int, int]) -> None:
    """Anything within the limits, of any shape, is prepared in a bounded address space."""
    picture = Image.new("L", shape[::-1], 255)
    picture.paste(0, (shape[1] // 8, shape[0] // 4, shape[1] // 2, shape[0] // 2))
    path = tmp_path / "large.png"
    picture.save(path, compress_level=1)
    program = (
        "import resource, sys\n"
        "from holotype.images import prepare\n"
        "from holotype.records import Preprocessing\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "prepare(sys.argv[1], Preprocessing('ink', 48, 4))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 600e6
