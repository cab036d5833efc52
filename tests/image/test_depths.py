"""Grey of other depths, and counted from white: right, or refused with the true reason."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from holotype.errors import ImageError
from holotype.image import prepare
from holotype.image.decode import FORMATS
from holotype.image.formats import SUFFIXES

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
    np.testing.assert_allclose(prepare.read(content), prepare.read(FILES["8"]), atol=1 / 4095)


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
        prepare.read(content)


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
        np.testing.assert_allclose(prepare.read(png)[0], wanted, atol=1e-6)
        with Image.open(io.BytesIO(png)) as picture:
            for _ in range(2):  # the second time it is loaded already
                np.testing.assert_allclose(prepare.read(picture)[0], wanted, atol=1e-6)


def test_a_picture_in_memory_keeps_sixteen_bits() -> None:
    buffer = io.BytesIO()
    Image.fromarray(WIDE).save(buffer, "TIFF", tiffinfo=TiffImagePlugin.ImageFileDirectory_v2())
    np.testing.assert_allclose(prepare.read(Image.fromarray(WIDE))[0], WIDE / 65535, atol=1e-6)
    np.testing.assert_allclose(prepare.read(buffer.getvalue())[0], WIDE / 65535, atol=1e-6)


def layered(
    data: bytes,
    bits: int,
    channels: int,
    photometric: int,
    sample_format: int = 1,
    order: str = "<",
) -> bytes:
    """An uncompressed TIFF of several channels, side by side."""
    height, width = GREY.shape
    tags = [(256, width), (257, height), (259, 1), (262, photometric), (273, 8), (277, channels)]
    tags += [(278, height), (279, len(data))]
    arrays = {258: bits, 339: sample_format}
    place = 8 + len(data) + 2 + 12 * (len(tags) + len(arrays)) + 4
    entries = {tag: struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags}
    more = b""
    for tag, value in arrays.items():
        entries[tag] = struct.pack(f"{order}HHII", tag, 3, channels, place + len(more))
        more += struct.pack(f"{order}{channels}H", *[value] * channels)
    return (
        (b"II" if order == "<" else b"MM")
        + struct.pack(f"{order}HI", 42, 8 + len(data))
        + data
        + struct.pack(f"{order}H", len(entries))
        + b"".join(entries[tag] for tag in sorted(entries))
        + bytes(4)
        + more
    )


RGB = np.stack([GREY, GREY[::-1], 255 - GREY], -1)
UNIT = GREY.astype(np.float32) / 255


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white", [0, 1])
def test_floating_point_tiff_is_read_from_either_end(order: str, white: int) -> None:
    values = UNIT if white else 1 - UNIT
    content = tiff(values.astype(f"{order}f4").tobytes(), 32, white, 3, order)
    np.testing.assert_allclose(prepare.read(content)[0], UNIT, atol=1e-6)


@pytest.mark.parametrize("scale", [-1, 1])
def test_pfm_is_read_from_the_bottom_up(scale: int) -> None:
    values = UNIT[::-1].astype("<f4" if scale < 0 else ">f4").tobytes()
    np.testing.assert_allclose(
        prepare.read(b"Pf\n32 24\n%d\n" % scale + values)[0], UNIT, atol=1e-6
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_several_channels_are_read(order: str) -> None:
    wide = RGB.astype(np.uint16) * 257
    opaque = np.full((*GREY.shape, 1), 65535)
    wanted = RGB.transpose(2, 0, 1) / 255
    inks = np.concatenate([65535 - wide, opaque * 0], 2).astype(f"{order}u2").tobytes()
    rgb = wide.astype(f"{order}u2").tobytes()
    np.testing.assert_allclose(prepare.read(layered(rgb, 16, 3, 2, 1, order)), wanted, atol=1e-6)
    np.testing.assert_allclose(prepare.read(layered(inks, 16, 4, 5, 1, order)), wanted, atol=1e-6)


def png(values: NDArray[np.uint16], color: int) -> bytes:
    """A PNG of 16 bits: RGB (2), grey and alpha (4), RGB and alpha (6)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    lines = b"".join(b"\0" + line.tobytes() for line in values.astype(">u2"))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *GREY.shape[::-1], 16, color, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def test_png_of_sixteen_bits_with_colors_and_alpha() -> None:
    wide, alpha = RGB.astype(np.uint16) * 257, np.full((*GREY.shape, 1), 65535, np.uint16)
    alpha[:12] = 0
    color = RGB.transpose(2, 0, 1) / 255
    np.testing.assert_allclose(prepare.read(png(wide, 2)), color, atol=1 / 255)
    upper = np.arange(24)[None, :, None] < 12  # transparent: paper
    for values, code, wanted in (
        (np.concatenate([wide, alpha], 2), 6, color),
        (np.concatenate([WIDE[..., None], alpha], 2), 4, UNIT[None]),
    ):
        np.testing.assert_allclose(
            prepare.read(png(values, code)),
            np.broadcast_to(np.where(upper, 1, wanted), color.shape),
            atol=1 / 255,
        )


def test_lab_tiff_is_read_in_its_colors() -> None:
    # CIE 15:2004: white is L* 100; sRGB's red lies at about 54, 81, 70 under the light D50.
    lab = np.zeros((*GREY.shape, 3), np.int16)
    lab[:, :16], lab[:, 16:] = (255, 0, 0), (54 * 255 // 100, 81, 70)
    found = prepare.read(layered(lab.astype(np.uint8).tobytes(), 8, 3, 8))
    np.testing.assert_allclose(found[:, 12, 4], 1, atol=0.02)
    np.testing.assert_allclose(found[:, 12, 28], [1, 0, 0], atol=0.06)


def _jpeg_in_inks() -> bytes:
    buffer = io.BytesIO()
    grey = Image.fromarray(np.stack([255 - GREY] * 3, -1)).convert("RGB")
    inks = Image.merge("CMYK", (*grey.split(), Image.new("L", grey.size, 0)))
    inks.save(buffer, "JPEG", quality=100, subsampling=0)
    return buffer.getvalue()


def test_jpeg_in_inks_is_read_as_adobe_writes_it() -> None:
    content = _jpeg_in_inks()
    np.testing.assert_allclose(prepare.read(content)[1], UNIT, atol=0.02)
    at = content.index(b"Adobe") + 11
    assert content[at] == 0  # the inks themselves; 2: YCCK
    luma = io.BytesIO()  # Y in place of cyan, no chroma: what grey becomes in YCCK
    half = Image.new("L", GREY.shape[::-1], 127)
    planes = (Image.fromarray(255 - GREY), half, half, Image.new("L", GREY.shape[::-1], 0))
    Image.merge("CMYK", planes).save(luma, "JPEG", quality=100, subsampling=0)
    ycck = bytearray(luma.getvalue())
    ycck[at] = 2
    with Image.open(io.BytesIO(ycck)) as picture:
        assert (picture.mode, picture.info["adobe_transform"]) == ("CMYK", 2)
    grey = prepare.read(bytes(ycck))
    assert np.ptp(grey, axis=0).max() < 0.03  # no color
    np.testing.assert_allclose(grey[1], 1 - UNIT, atol=0.03)


def test_jpeg_in_inks_that_does_not_say_what_it_counts_is_refused() -> None:
    content = _jpeg_in_inks()
    begin = content.index(b"\xff\xee")
    size = int.from_bytes(content[begin + 2 : begin + 4], "big")
    with pytest.raises(ImageError, match="CMYK JPEG without Adobe's marker"):
        prepare.read(content[:begin] + content[begin + 2 + size :])


NAMED = {
    "16 from white, high byte first": (
        tiff((65535 - WIDE).astype(">u2").tobytes(), 16, 0, order=">"),
        "a TIFF of 1 channel of 16 bits, counted from white, the high byte first, which is not",
    ),
    "half precision": (tiff(UNIT.astype("<f2").tobytes(), 16, 1, 3), "of 16 bits, floating-point"),
    "double": (tiff(UNIT.astype("<f8").tobytes(), 64, 1, 3), "of 64 bits, floating-point"),
    "12, high byte first": (tiff(bytes(24 * 48), 12, order=">"), "of 12 bits, the high byte"),
    "floats in color": (
        layered((RGB / 255).astype("<f4").tobytes(), 32, 3, 2, 3),
        "3 channels of 32 bits, floating-point numbers, RGB",
    ),
    "signed color": (layered((RGB // 2).tobytes(), 8, 3, 2, 2), "3 channels of 8 bits, signed"),
    "ICC L*a*b*": (layered(RGB.tobytes(), 8, 3, 9), r"ICC L\*a\*b\*"),
    "L*a*b* of 16": (layered(bytes(24 * 32 * 6), 16, 3, 8), r"16 bits, CIE L\*a\*b\*"),
    "PFM in color": (b"PF\n32 24\n-1\n" + bytes(24 * 32 * 12), "a PFM picture in color"),
    "PAM": (b"P7\nWIDTH 32\n", "a PAM picture"),
    "AVIF": (b"\0\0\0\x20ftypavif" + bytes(60), "an AVIF picture"),
    "JPEG XL": (b"\xff\x0a" + bytes(60), "a JPEG XL picture"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "a JPEG 2000 picture"),
    "PDF": (b"%PDF-1.4\n", "a PDF document"),
    "TIFF without a directory": (b"II*\0" + bytes(20), "a TIFF whose directory is damaged|channel"),
}


@pytest.mark.parametrize(("content", "said"), NAMED.values(), ids=NAMED)
def test_what_is_not_read_is_named(content: bytes, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        prepare.read(content)


def test_jpeg_of_twelve_bits_is_named() -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "JPEG")
    content = bytearray(buffer.getvalue())
    frame = content.index(b"\xff\xc0")
    content[frame + 1], content[frame + 4] = 0xC1, 12
    with pytest.raises(ImageError, match="a JPEG of 12 bits per channel, which is not read"):
        prepare.read(bytes(content))


def test_a_signed_tiff_of_eight_bits_is_refused() -> None:
    with pytest.raises(ImageError, match="signed numbers"):
        prepare.read(tiff((GREY // 2).tobytes(), 8, sample_format=2))


def test_the_endings_that_are_looked_for_are_those_of_what_is_read() -> None:
    Image.init()
    read = {end for end, kind in Image.registered_extensions().items() if kind in FORMATS}
    assert read <= SUFFIXES
    assert read | {".mpo", ".heic", ".heif", ".hif"} >= SUFFIXES
