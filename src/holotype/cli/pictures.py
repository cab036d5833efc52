"""Which pictures a command line means: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from holotype.cli.display import say, shown
from holotype.errors import DataError, ImageError, VectorError
from holotype.tasks.folders import (
    PICTURE_SUFFIXES,
    PassedOver,
    beside,
    class_folders,
    pictures_in,
    read_folder,
)
from holotype.voices.formats import SUFFIXES as RECORDING_SUFFIXES

VECTOR_SUFFIX = ".npy"
_SUFFIXES = {"picture": PICTURE_SUFFIXES, "recording": RECORDING_SUFFIXES}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was found where pictures were looked for."""

    paths: list[Path]
    passed_over: PassedOver = field(default_factory=PassedOver)  # of the folders


def chosen(arguments: Sequence[Path], takes: str = "picture") -> Chosen:
    """The files that are named, those of each folder among them in the order of their names.

    Args:
        arguments: files and folders.
        takes: what is looked for in folders, `Preprocessing.takes`.

    Raises:
        ImageError: a folder has none.
    """
    paths, passed_over = [], PassedOver()
    for argument in arguments:
        if not argument.is_dir():
            paths.append(argument)
            continue
        pictures, others = pictures_in(argument, _SUFFIXES[takes], takes)
        if not pictures:
            why = f" ({others})" if others else ""
            raise ImageError(
                f"{os.fspath(argument)!r} has no {takes}s{why}",
                f"Name a folder of {takes}s ({', '.join(sorted(_SUFFIXES[takes]))})",
            )
        paths += pictures
        passed_over += others
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


@dataclass(frozen=True, slots=True)
class Grouped:
    """Pictures or recordings with the name that each belongs to."""

    paths: list[Path]
    names: list[str]
    single: bool  # whether they lie in one folder, and are named by themselves
    passed_over: PassedOver
    empty: list[Path] = field(default_factory=list)  # folders without any
    takes: str = "picture"  # what they are


def say_passed_over(found: PassedOver, as_json: bool) -> None:
    """In one line, what was not looked at; beside a JSON document, on stderr."""
    if found:
        typer.echo(shown(f"{found}."), err=True) if as_json else say(f"{found}.", style="dim")


def say_passed_over_in(data: str, as_json: bool) -> None:
    """The same of a data set, before it is read; of one that is no folder there is nothing to say.

    Raises:
        DataError: it cannot be read as class folders.
    """
    from holotype.tasks.datasets import passed_over  # of the commands, few read data sets

    say_passed_over(passed_over(data), as_json)


def strangers(folder: Path, takes: str = "picture") -> Grouped:
    """The pictures of people or things, those of each in a folder; or one of each.

    Args:
        folder: of them, or of a folder for each class.
        takes: as for `chosen`.

    Raises:
        DataError: it is no folder, has no pictures, or has both pictures and folders.
    """
    if folder.is_dir():
        pictures, others = pictures_in(folder, _SUFFIXES[takes], takes)
        folders = class_folders(folder)
        _require_one_form(folder, pictures, folders, takes)
        if not folders:
            if not pictures:
                raise DataError(
                    f"{os.fspath(folder)!r} has no {takes}s",
                    f"Put the {takes}s of each stranger into a folder of their own inside it",
                )
            return Grouped(pictures, [path.name for path in pictures], True, others)
    found = read_folder(folder, _SUFFIXES[takes], takes)
    names = [found.class_names[i] for i in found.class_index]
    return Grouped(list(found.paths), names, False, found.passed_over)


def labelled(folder: Path, takes: str = "picture") -> Grouped:
    """The pictures of labels: those of each in a folder of its name, or files of their names.

    Args:
        folder: of them.
        takes: as for `chosen`.

    Raises:
        DataError: it is no folder, has no pictures, or has both pictures and folders.
    """
    if not folder.is_dir():
        raise DataError(
            f"{os.fspath(folder)!r} is not a folder",
            f"Name a folder that holds one folder for each label, or {takes}s named by their "
            "labels",
        )
    pictures, others = pictures_in(folder, _SUFFIXES[takes], takes)
    folders = class_folders(folder)
    _require_one_form(folder, pictures, folders, takes)
    if not folders:
        found = Grouped(pictures, [path.stem for path in pictures], True, others, takes=takes)
    else:
        found = Grouped([], [], False, beside(folder, _SUFFIXES[takes], takes), takes=takes)
        for one in folders:
            pictures, others = pictures_in(one, _SUFFIXES[takes], takes)
            found.paths.extend(pictures)
            found.names.extend([one.name] * len(pictures))
            found.empty.extend([] if pictures else [one])
            found = replace(found, passed_over=found.passed_over + others)
    if not found.paths:
        why = f" ({found.passed_over})" if found.passed_over else ""
        raise DataError(
            f"{os.fspath(folder)!r} has no {takes}s{why}",
            f"Put the {takes}s of each label into a folder of its name, or name each by its label",
        )
    return found


def _require_one_form(folder: Path, pictures: list[Path], folders: list[Path], takes: str) -> None:
    """Refuse a folder that can be read in two ways, one of which leaves half of it out."""
    if pictures and folders:
        raise DataError(
            f"{os.fspath(folder)!r} holds {len(pictures)} {takes}s beside "
            f"{len(folders)} folders (such as {folders[0].name!r}); it holds either {takes}s "
            "of a different one each, or a folder for each person or thing",
            f"Put each {takes} into the folder of its person or thing, or move the folders away",
        )
