"""Which pictures a command line means: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError, ImageError, VectorError
from holotype.tasks.folders import PICTURE_SUFFIXES, read_folder
from holotype.voices.formats import SUFFIXES as RECORDING_SUFFIXES

VECTOR_SUFFIX = ".npy"
_SUFFIXES = {"picture": PICTURE_SUFFIXES, "recording": RECORDING_SUFFIXES}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was found where pictures were looked for."""

    paths: list[Path]
    passed_over: int  # entries of the folders that are no pictures; hidden ones are not counted


def chosen(arguments: Sequence[Path], takes: str = "picture") -> Chosen:
    """The files that are named, those of each folder among them in the order of their names.

    Args:
        arguments: files and folders.
        takes: what is looked for in folders, `Preprocessing.takes`.

    Raises:
        ImageError: a folder has none.
    """
    paths, passed_over = [], 0
    for argument in arguments:
        if not argument.is_dir():
            paths.append(argument)
            continue
        pictures, others = _divided(argument, takes)
        if not pictures:
            raise ImageError(
                f"{os.fspath(argument)!r} has no {takes}s",
                f"Name a folder of {takes}s ({', '.join(sorted(_SUFFIXES[takes]))})",
            )
        paths += pictures
        passed_over += len(others)
    return Chosen(paths, passed_over)


def embeddings(arguments: Sequence[Path]) -> NDArray[np.floating] | None:
    """The embeddings that are given as `.npy` files in place of pictures: [B, D].

    Returns:
        None where pictures are given.

    Raises:
        VectorError: a file is no array of one or several embeddings, they differ in length, or
            there are pictures beside them.
    """
    files = [path for path in arguments if path.suffix.lower() == VECTOR_SUFFIX]
    if not files:
        return None
    if len(files) < len(arguments):
        raise VectorError(
            f"{len(files)} of {len(arguments)} files are embeddings ({VECTOR_SUFFIX}), the others "
            "are not",
            "Give either pictures or embeddings",
        )
    arrays = [_array(path) for path in files]
    if len({array.shape[1] for array in arrays}) > 1:
        raise VectorError("the embeddings differ in length", "Give those of one model")
    return np.concatenate(arrays)


def rows_of(files: Sequence[Path]) -> list[Path]:
    """A name for each embedding: the file, and its row where there are several."""
    named = []
    for path in files:
        count = len(_array(path))
        named += [path] if count == 1 else [Path(f"{path}[{row}]") for row in range(count)]
    return named


def _array(path: Path) -> NDArray[np.floating]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise VectorError(
            f"{os.fspath(path)!r} cannot be read as an array", "Write it with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim not in (1, 2) or not array.size:
        raise VectorError(
            f"{os.fspath(path)!r} holds no embeddings: one is [D], several are [B, D]",
            "Write them with numpy.save",
        )
    return np.atleast_2d(array)


def strangers(folder: Path, takes: str = "picture") -> tuple[list[Path], list[str], bool]:
    """The pictures, the class of each, and whether each is a class of its own.

    Args:
        folder: of them, or of a folder for each class.
        takes: as for `chosen`.

    Raises:
        DataError: it is no folder, has no pictures, or has both pictures and folders.
    """
    if folder.is_dir():
        pictures, others = _divided(folder, takes)
        folders = [entry for entry in others if entry.is_dir()]
        if pictures and folders:
            raise DataError(
                f"{os.fspath(folder)!r} holds {len(pictures)} {takes}s beside "
                f"{len(folders)} folders (such as {folders[0].name!r}); it holds either {takes}s "
                "of a different one each, or a folder for each person or thing",
                f"Put each {takes} into the folder of its person or thing, or move the folders "
                "away",
            )
        if not folders:
            if not pictures:
                raise DataError(
                    f"{os.fspath(folder)!r} has no {takes}s",
                    f"Put the {takes}s of each stranger into a folder of their own inside it",
                )
            return pictures, [path.name for path in pictures], True
    found = read_folder(folder, _SUFFIXES[takes], takes)
    return list(found.paths), [found.class_names[i] for i in found.class_index], False


def _divided(folder: Path, takes: str) -> tuple[list[Path], list[Path]]:
    """The pictures or recordings of a folder, and what else is in it; by name."""
    entries = sorted(
        (entry for entry in folder.iterdir() if not entry.name.startswith(".")),
        key=lambda entry: entry.name,
    )
    pictures = [
        entry
        for entry in entries
        if entry.suffix.lower() in _SUFFIXES[takes] and not entry.is_dir()
    ]
    return pictures, [entry for entry in entries if entry not in set(pictures)]
