"""A folder of class folders: each is a class, the picture files in it are its examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError

PICTURE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """What a folder of class folders holds. M pictures, C classes."""

    name: str
    paths: tuple[Path, ...]  # [M] sorted by class, then by file name
    class_index: NDArray[np.int64]  # [M]
    class_names: tuple[str, ...]  # [C] sorted


def read_folder(path: Path) -> ClassFolders:
    """List the pictures of each class folder; hidden and other files are passed over.

    The pictures are not opened here.

    Raises:
        DataError: the path is missing or a file, has no class folders, or one has no pictures.
    """
    if not path.exists():
        raise DataError(
            f"'{path}' is neither a data set nor a folder",
            "Use omniglot, digits, sample or the path of a folder of class folders",
        )
    if not path.is_dir():
        raise DataError(f"'{path}' is a file", "Use a folder that holds one folder per class")
    folders = _by_name(
        entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not folders:
        raise DataError(
            f"'{path}' has no class folders", "Put the pictures of each class in its own folder"
        )
    classes = [_pictures(folder) for folder in folders]
    return ClassFolders(
        name=path.resolve().name,
        paths=tuple(picture for pictures in classes for picture in pictures),
        class_index=np.repeat(np.arange(len(classes)), [len(pictures) for pictures in classes]),
        class_names=tuple(folder.name for folder in folders),
    )


def _by_name(entries: Iterable[Path]) -> list[Path]:
    # Paths themselves sort differently from system to system, and seeded draws go by the order.
    return sorted(entries, key=lambda entry: entry.name)


def _pictures(folder: Path) -> list[Path]:
    pictures = _by_name(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in PICTURE_SUFFIXES
        and not entry.name.startswith(".")
        and entry.is_file()
    )
    if not pictures:
        raise DataError(
            f"the class folder '{folder}' has no pictures",
            f"Add pictures ({', '.join(sorted(PICTURE_SUFFIXES))}) or remove the folder",
        )
    return pictures
