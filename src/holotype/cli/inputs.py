"""Which pictures, recordings or texts a command line means: files, and folders of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from holotype.cli.display import say, shown
from holotype.datasets.folders import (
    PICTURE_SUFFIXES,
    PassedOver,
    beside,
    class_folders,
    pictures_in,
    read_folder,
)
from holotype.domains.texts.files import SUFFIXES as TEXT_SUFFIXES
from holotype.domains.texts.files import lines_of
from holotype.domains.voices.formats import SUFFIXES as RECORDING_SUFFIXES
from holotype.errors import DataError, ImageError, TextError, VectorError

VECTOR_SUFFIX = ".npy"
_SUFFIXES = {
    "picture": PICTURE_SUFFIXES,
    "recording": RECORDING_SUFFIXES,
    "text": TEXT_SUFFIXES,
}
Item = Path | str  # a file of one picture or recording, or a text


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was found where pictures were looked for."""

    items: list[Item]
    passed_over: PassedOver = field(default_factory=PassedOver)  # of the folders


def held(path: Path, takes: str) -> list[Item]:
    """What a file holds to recognize: itself, or of a file of texts each of its lines."""
    return _HELD.get(takes, _itself)(path)


def _itself(path: Path) -> list[Item]:
    return [path]


def _lines(path: Path) -> list[Item]:
    try:
        return [line.text for line in lines_of(path)]
    except TextError:
        return [path]  # whoever reads it says why


_HELD: dict[str, Callable[[Path], list[Item]]] = {"text": _lines}


def typed(texts: Sequence[str] | None, takes: str) -> list[Item]:
    """The texts that were typed in place of files.

    Raises:
        TextError: the model takes something else.
    """
    if texts and takes != "text":
        raise TextError(
            f"--text gives a text, and this gallery takes {takes}s",
            "Name one that was made with `--model texts`, or a new one",
        )
    return [*(texts or ())]


def chosen(
    arguments: Sequence[Path], takes: str = "picture", texts: Sequence[str] | None = None
) -> Chosen:
    """What is named, that of each folder among it in the order of its names; and what was typed.

    Args:
        arguments: files and folders.
        takes: what is looked for in folders, `Preprocessing.takes`.
        texts: that were typed.

    Raises:
        ImageError: a folder has none.
        TextError: as for `typed`.
    """
    items, passed_over = typed(texts, takes), PassedOver()
    for argument in arguments:
        if not argument.is_dir():
            items += held(argument, takes)
            continue
        pictures, others = pictures_in(argument, _SUFFIXES[takes], takes)
        if not pictures:
            why = f" ({others})" if others else ""
            raise ImageError(
                f"{os.fspath(argument)!r} has no {takes}s{why}",
                f"Name a folder of {takes}s ({', '.join(sorted(_SUFFIXES[takes]))})",
            )
        items += [item for path in pictures for item in held(path, takes)]
        passed_over += others
    return Chosen(items, passed_over)


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


def rows_of(files: Sequence[Path]) -> list[Item]:
    """A name for each embedding: the file, and its row where there are several."""
    named: list[Item] = []
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
    """Pictures, recordings or texts with the name that each belongs to."""

    items: list[Item]
    names: list[str]
    single: bool  # whether they lie in one folder, and are named by themselves
    passed_over: PassedOver
    empty: list[Path] = field(default_factory=list)  # folders without any

    def add(self, name: str, items: Sequence[Item]) -> None:
        """Some more, of one name."""
        self.items.extend(items)
        self.names.extend([name] * len(items))


def say_passed_over(found: PassedOver, as_json: bool) -> None:
    """In one line, what was not looked at; beside a JSON document, on stderr."""
    if found:
        typer.echo(shown(f"{found}."), err=True) if as_json else say(f"{found}.", style="dim")


def say_passed_over_in(data: str, as_json: bool) -> None:
    """The same of a data set, before it is read; of one that is no folder there is nothing to say.

    Raises:
        DataError: it cannot be read as class folders.
    """
    from holotype.datasets.catalogue import passed_over  # of the commands, few read data sets

    say_passed_over(passed_over(data), as_json)


def strangers(folder: Path, takes: str = "picture") -> Grouped:
    """The pictures of people or things, those of each in a folder; or one of each.

    Args:
        folder: of them, or of a folder for each class; or a file of texts.
        takes: as for `chosen`.

    Raises:
        DataError: it is no folder, has no pictures, or has both pictures and folders.
    """
    if takes in _HELD and folder.is_file():
        return _each_alone([folder], takes, PassedOver())
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
            return _each_alone(pictures, takes, others)
    found = read_folder(folder, _SUFFIXES[takes], takes)
    result = Grouped([], [], False, found.passed_over)
    for path, index in zip(found.paths, found.class_index, strict=True):
        result.add(found.class_names[index], held(path, takes))
    return result


def _each_alone(paths: Sequence[Path], takes: str, passed_over: PassedOver) -> Grouped:
    items = [item for path in paths for item in held(path, takes)]
    names = [item if isinstance(item, str) else item.name for item in items]
    return Grouped(items, names, True, passed_over)


def taken_in(folder: Path) -> str:
    """What most files of a folder, and of those in it, are: picture, recording or text."""
    endings = Counter(path.suffix.lower() for path in folder.glob("*") if path.is_file())
    endings.update(path.suffix.lower() for path in folder.glob("*/*"))
    count = {
        takes: sum(endings[suffix] for suffix in suffixes) for takes, suffixes in _SUFFIXES.items()
    }
    return max(count, key=lambda takes: count[takes])  # of as many the first: pictures


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
        found = Grouped([], [], True, others)
        for path in pictures:
            found.add(path.stem, held(path, takes))
    else:
        found = Grouped([], [], False, beside(folder, _SUFFIXES[takes], takes))
        for one in folders:
            pictures, others = pictures_in(one, _SUFFIXES[takes], takes)
            found.add(one.name, [item for path in pictures for item in held(path, takes)])
            found.empty.extend([] if pictures else [one])
            found = replace(found, passed_over=found.passed_over + others)
    if not found.items:
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
