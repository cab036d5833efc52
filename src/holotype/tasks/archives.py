"""Drawings inside archives, read in memory: nothing is ever extracted to a path."""

from __future__ import annotations

import io
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.tasks.pictures import PAPER

OMNIGLOT_SIDE_PX = 105
# What zipfile, numpy and Pillow raise on a damaged archive or picture.
DAMAGE = (
    EOFError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
# A drawing of 105 x 105 at one bit takes some 300 bytes; anything larger is not one of them.
_LARGEST_PNG_BYTES = 100_000


def read_drawing(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    """One drawing of Omniglot: uint8 [105, 105], ink 0 on paper 255.

    Raises:
        One of `DAMAGE`: it is missing, not a picture, or of another size.
    """
    info = archive.getinfo(name)
    if info.file_size > _LARGEST_PNG_BYTES:
        raise ValueError(f"{name} takes {info.file_size} bytes, more than any drawing")
    with Image.open(io.BytesIO(archive.read(info)), formats=["PNG"]) as picture:
        if picture.size != (OMNIGLOT_SIDE_PX, OMNIGLOT_SIDE_PX):
            raise ValueError(f"{name} is of {picture.size[0]} x {picture.size[1]} px")
        return np.asarray(picture.convert("L").point(lambda v: PAPER * (v > 127)), np.uint8)
