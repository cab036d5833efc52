"""A drawing, and ways to write it to a file."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

from holotype.preprocessing import Preprocessing
from toy_packs import toy_drawing

INK = Preprocessing("ink", size_px=32, margin_px=2)
FRAME = Preprocessing("frame", size_px=28, margin_px=0)
# An asymmetric drawing, so that every rotation and reflection of it differs.
DRAWING = toy_drawing(7, side_px=60)[:48]


def encoded(picture: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


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
