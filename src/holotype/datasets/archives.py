"""What lies inside archives, read in memory: nothing is ever extracted to a path."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.datasets.lazy import PAPER
from holotype.errors import DataError

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
# A drawing of 105 x 105 at one bit takes some 300 bytes, a photograph or recording of the packed
# data sets up to 40,000; anything larger is not one of them.
_LARGEST_MEMBER_BYTES = 100_000


def read_drawing(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    """One drawing of Omniglot: uint8 [105, 105], ink 0 on paper 255.

    Raises:
        One of `DAMAGE`: it is missing, not a picture, or of another size.
    """
    content = _read_small(archive, name)
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        if picture.size != (OMNIGLOT_SIDE_PX, OMNIGLOT_SIDE_PX):
            raise ValueError(f"{name} is of {picture.size[0]} x {picture.size[1]} px")
        return np.asarray(picture.convert("L").point(lambda v: PAPER * (v > 127)), np.uint8)


def read_arrays(
    path: Path, names: tuple[str, ...], remedy: str | None = None
) -> dict[str, NDArray[Any]]:
    """The named arrays of an .npz file.

    Args:
        path: the file.
        names: of the arrays.
        remedy: what brings the file, where a command does, such as "run `...`".

    Raises:
        DataError: the file is missing, damaged, or lacks one of the arrays.
    """
    _require(path, remedy)
    try:
        with path.open("rb") as stream:  # numpy leaves a file it cannot read open
            stored = np.load(stream, allow_pickle=False)
            return {name: stored[name] for name in names}
    except DAMAGE as error:
        raise _damaged(path, error, remedy) from error


def read_members(
    path: Path, wanted: Callable[[str], bool], largest_bytes: int = _LARGEST_MEMBER_BYTES
) -> dict[str, bytes]:
    """The small files of a zip archive whose name is wanted, sorted by name.

    Raises:
        DataError: the archive is missing or damaged, holds a file of more than `largest_bytes`, or
            none that is wanted.
    """
    _require(path, None)
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(
                name for name in archive.namelist() if wanted(name) and not name.endswith("/")
            )
            if not names:
                raise ValueError("nothing of this data set is in it")
            return {name: _read_small(archive, name, largest_bytes) for name in names}
    except DAMAGE as error:
        raise _damaged(path, error, None) from error


def _read_small(
    archive: zipfile.ZipFile, name: str, largest_bytes: int = _LARGEST_MEMBER_BYTES
) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > largest_bytes:
        raise ValueError(f"{name} takes {info.file_size} bytes, more than any of this data set")
    return archive.read(info)


def _require(path: Path, remedy: str | None) -> None:
    if not path.is_file():
        raise DataError(
            f"there is no {path.name} in {path.parent}",
            f"{remedy[0].upper()}{remedy[1:]}, or set HOLOTYPE_DATA to the folder that holds it"
            if remedy
            else "Set HOLOTYPE_DATA to the folder that holds it",
        )


def _damaged(path: Path, error: Exception, remedy: str | None) -> DataError:
    return DataError(
        f"{path} cannot be read ({error})",
        f"Remove it and {remedy}" if remedy else "Copy the file there again",
    )
