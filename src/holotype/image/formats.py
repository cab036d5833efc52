"""What a file is that no decoder takes: its kind in words, so that a refusal tells the truth."""

from __future__ import annotations

from typing import IO, Any

from PIL import TiffImagePlugin

# What a folder is searched for, wherever one is read: the endings of all formats of `decode`.
SUFFIXES = frozenset(
    {
        *(".apng", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg"),
        *(".jpg", ".mpo", ".pbm", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff"),
        ".webp",
    }
)
_BEGINNINGS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\1\0", "an icon"),
    (b"PF", "a PFM picture in color"),
    (b"P7", "a PAM picture"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BITS, _PHOTOMETRIC, _CHANNELS, _SAMPLE_FORMAT = 258, 262, 277, 339  # TIFF 6.0, sections 8 and 19
_PHOTOMETRICS = {
    **{0: "counted from white", 1: "", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr"},
    **{8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*", 32803: "a raw sensor's colors"},
}
_SAMPLE_FORMATS = {2: "signed numbers", 3: "floating-point numbers"}


def named(file: IO[bytes]) -> str | None:
    """What kind of file it is; None: nobody knows."""
    file.seek(0)
    head = file.read(16)
    if head[4:8] == b"ftyp":
        return "an AVIF picture" if head[8:12] in (b"avif", b"avis") else None
    if head.startswith(_TIFF):
        return _tiff(file)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(file)
    return next((what for begin, what in _BEGINNINGS if head.startswith(begin)), None)


def _tiff(file: IO[bytes]) -> str:
    """A TIFF by what its first directory says of the pixels."""
    try:
        file.seek(0)
        header = file.read(8)
        if header[2] == 43:  # BigTIFF: the place of the directory has eight bytes
            header += file.read(8)
        tags: Any = TiffImagePlugin.ImageFileDirectory_v2(header)
        file.seek(tags.next)
        tags.load(file)
        bits, channels = tags.get(_BITS, (1,)), int(tags.get(_CHANNELS, 1))
        said = [
            f"{channels} channel{'' if channels == 1 else 's'} of {int(bits[0])} bits",
            _SAMPLE_FORMATS.get(int(tags.get(_SAMPLE_FORMAT, (1,))[0]), ""),
            _PHOTOMETRICS.get(int(tags.get(_PHOTOMETRIC, 1)), "unknown colors"),
        ]
    except Exception:  # a directory that cannot be read is told of as the damage that it is
        return "a TIFF whose directory is damaged"
    order = "the high byte first" if header.startswith(b"MM") else ""
    return f"a TIFF of {', '.join(part for part in (*said, order) if part)}"


def _jpeg(file: IO[bytes]) -> str | None:
    """A JPEG by its frame header (ITU-T T.81, B.2.2)."""
    file.seek(2)
    while len(marker := file.read(4)) == 4 and marker[0] == 0xFF:
        size = int.from_bytes(marker[2:], "big")
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            (bits,) = file.read(1) or b"\x08"
            kind = " without loss" if marker[1] in (0xC3, 0xC7, 0xCB, 0xCF) else ""
            return f"a JPEG{kind} of {bits} bits per channel" if bits != 8 or kind else None
        file.seek(size - 2, 1)
    return None
