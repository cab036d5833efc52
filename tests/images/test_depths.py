"""Grey of other depths, and counted from white: right, or refused with the true reason."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from holotype import images
from holotype.errors import ImageError

GREY = np.linspace(0, 255, 24 * 32).astype(np.uint8).reshape(24, 32)


def tiff(
    data: bytes, bits: int, photometric: int = 1, sample_format: int = 1, order: str = "<"
) -> bytes:
    """An uncompressed TIFF of one channel (TIFF 6.0, section 2)."""
    height, width = GREY.shape
    tags = [
        *((256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8)),
        *((277, 1), (278, height), (279, len(data)), (339, sample_format)),
    ]
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    begin = b"II" if order == "<" else b"MM"
    return (
        begin
        + struct.pack(f"{order}HI", 42, 8 + len(data))
        + data
        + struct.pack(f"{order}H", len(tags))
        + entries
        + bytes(4)
    )


def twelve_bits(values: NDArray[np.uint16]) -> bytes:
    """Two values to three bytes, the first one first."""
    a, b = values[:, 0::2], values[:, 1::2]
    return np.stack([a >> 4, ((a & 15) << 4) | (b >> 8), b & 255], 2).astype(np.uint8).tobytes()


WIDE = GREY.astype(np.uint16) * 257
FILES = {
    "8": tiff(GREY.tobytes(), 8),
    "8 from white": tiff((255 - GREY).tobytes(), 8, 0),
    "16": tiff(WIDE.astype("<u2").tobytes(), 16),
    "16 from white": tiff((65535 - WIDE).astype("<u2").tobytes(), 16, 0),
    "16, the high byte first": tiff(WIDE.astype(">u2").tobytes(), 16, order=">"),
    "12": tiff(twelve_bits(np.rint(GREY * (4095 / 255)).astype(np.uint16)), 12),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_every_depth_gives_the_same_picture(content: bytes) -> None:
    np.testing.assert_allclose(images.read(content), images.read(FILES["8"]), atol=1 / 4095)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tiff((WIDE // 2).astype("<i2").tobytes(), 16, sample_format=2), "signed numbers"),
        (tiff(GREY.astype("<u4").tobytes(), 32), "32 bits per channel"),
        (tiff(GREY.astype("<i4").tobytes(), 32, sample_format=2), "32 bits per channel"),
    ],
    ids=["16 signed", "32", "32 signed"],
)
def test_what_does_not_say_which_value_is_white_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        images.read(content)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_transparent_grey_of_a_png_is_paper(bits: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    values, most = GREY >> (8 - bits), 2**bits - 1
    flags = np.unpackbits(values[..., None], axis=2)[..., 8 - bits :].reshape(len(values), -1)
    lines = b"".join(b"\0" + line.tobytes() for line in np.packbits(flags, axis=1))
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *GREY.shape[::-1], bits, 0, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(">H", 0))
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
    other = content.replace(chunk(b"tRNS", b"\0\0"), chunk(b"tRNS", struct.pack(">H", most // 3)))
    for png, clear in ((content, 0), (other, most // 3)):
        wanted = np.where(values == clear, most, values) / most
        np.testing.assert_allclose(images.read(png)[0], wanted, atol=1e-6)
        with Image.open(io.BytesIO(png)) as picture:
            for _ in range(2):  # the second time it is loaded already
                np.testing.assert_allclose(images.read(picture)[0], wanted, atol=1e-6)


def test_a_picture_in_memory_keeps_sixteen_bits() -> None:
    buffer = io.BytesIO()
    Image.fromarray(WIDE).save(buffer, "TIFF", tiffinfo=TiffImagePlugin.ImageFileDirectory_v2())
    np.testing.assert_allclose(images.read(Image.fromarray(WIDE))[0], WIDE / 65535, atol=1e-6)
    np.testing.assert_allclose(images.read(buffer.getvalue())[0], WIDE / 65535, atol=1e-6)
