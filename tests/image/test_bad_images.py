"""Pictures that are refused, and what refusing them costs."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from holotype.errors import ImageError
from holotype.image.prepare import prepare, prepare_batch, read
from holotype.preprocessing import Preprocessing
from toy_images import DRAWING, FRAME, INK, encoded, png_header


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
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n", "this is a PostScript file"),
    "icon": (encoded(Image.new("RGB", (32, 32)), "ICO"), "this is an icon, which is not read"),
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
        "from holotype.image.prepare import prepare\n"
        "from holotype.preprocessing import Preprocessing\n"
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
