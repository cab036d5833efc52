"""A folder of class folders: each is a class, the picture files in it are its examples."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.errors import DataError

# What a folder is searched for: the endings of all formats that `decoding` reads.
PICTURE_SUFFIXES = frozenset(
    {
        *(".bmp", ".gif", ".heic", ".heif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm"),
        *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    }
)


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """What a folder of class folders holds. M pictures, C classes."""

    name: str
    paths: tuple[Path, ...]  # [M] sorted by class, then by file name
    class_index: NDArray[np.int64]  # [M]
    class_names: tuple[str, ...]  # [C] sorted


def read_folder(
    path: Path, suffixes: Collection[str] = PICTURE_SUFFIXES, takes: str = "picture"
) -> ClassFolders:
    """List the pictures of each class folder; hidden and other files are passed over.

    The pictures are not opened here.

    Args:
        path: the folder of class folders.
        suffixes: of the files that are listed.
        takes: what they are called.

    Raises:
        DataError: the path is missing or a file, has no class folders, two of them have one name
            in different Unicode forms, or one has no pictures.
    """
    if not path.exists():
        raise DataError(
            f"'{path}' is neither a data set nor a folder",
            "Use the name of a data set, or the path of a folder of class folders",
        )
    if not path.is_dir():
        raise DataError(f"'{path}' is a file", "Use a folder that holds one folder per class")
    folders = _by_name(
        entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not folders:
        raise DataError(
            f"'{path}' has no class folders", f"Put the {takes}s of each class in its own folder"
        )
    _require_distinct(folders)
    classes = [_pictures(folder, suffixes, takes) for folder in folders]
    return ClassFolders(
        name=path.resolve().name,
        paths=tuple(picture for pictures in classes for picture in pictures),
        class_index=np.repeat(np.arange(len(classes)), [len(pictures) for pictures in classes]),
        class_names=tuple(folder.name for folder in folders),
    )


def picture_name(path: Path) -> str:
    """How a picture of a class folder is named to people and in files: "class/file"."""
    return f"{path.parent.name}/{path.name}"


def write_folder(
    path: Path,
    pictures: NDArray[np.uint8],
    class_index: NDArray[np.int64],
    class_names: Sequence[str],
) -> int:
    """Write pictures as PNG files into a new folder of class folders.

    Examples are numbered from 01 in their order; a slash in a class name becomes a hyphen. A folder
    that holds just these pictures already stays as it is.

    Args:
        path: the folder to make.
        pictures: uint8 [M, H, W], grey.
        class_index: int64 [M] into `class_names`.
        class_names: [C].

    Returns:
        The number of files, M.

    Raises:
        DataError: the folder exists and holds something else, or cannot be written.
    """
    files = {
        path / name.replace("/", "-") / f"{number:02d}.png": pictures[row]
        for index, name in enumerate(class_names)
        for number, row in enumerate(np.flatnonzero(class_index == index), start=1)
    }
    if path.exists():
        if not _holds(path, files):
            raise DataError(
                f"'{path}' exists already and holds something else",
                "Name a folder that does not exist yet",
            )
        return len(files)
    try:
        for file, picture in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(file)
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be written ({error.strerror})", "Choose another folder, or make room"
        ) from error
    return len(files)


def _holds(path: Path, files: dict[Path, NDArray[np.uint8]]) -> bool:
    """Whether a folder holds these pictures and no other files."""
    if {entry for entry in path.rglob("*") if not entry.is_dir()} != files.keys():
        return False
    try:
        return all(
            np.array_equal(np.asarray(Image.open(file)), picture) for file, picture in files.items()
        )
    except OSError:
        return False


def _by_name(entries: Iterable[Path]) -> list[Path]:
    # Paths themselves sort differently from system to system, and seeded draws go by the order.
    return sorted(entries, key=lambda entry: entry.name)


def _require_distinct(folders: Iterable[Path]) -> None:
    # "e" with a combining accent and the accented letter look the same to everybody but a program.
    seen: dict[str, str] = {}
    for folder in folders:
        form = unicodedata.normalize("NFC", folder.name)
        if form in seen:
            raise DataError(
                f"the class folders {seen[form]!a} and {folder.name!a} have the same "
                "name in two Unicode forms",
                "Put their pictures into one folder, or rename one",
            )
        seen[form] = folder.name


def _pictures(folder: Path, suffixes: Collection[str], takes: str) -> list[Path]:
    pictures = _by_name(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in suffixes and not entry.name.startswith(".") and entry.is_file()
    )
    if not pictures:
        raise DataError(
            f"the class folder '{folder}' has no {takes}s",
            f"Add {takes}s ({', '.join(sorted(suffixes))}) or remove the folder",
        )
    return pictures
