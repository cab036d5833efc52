"""Which pictures, recordings or texts a command line means: files, and folders of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from holotype.cli.display import say, shown
from holotype.datasets.folders import (
    PassedOver,
    beside,
    class_folders,
    pictures_in,
    read_folder,
)
from holotype.domains.domain import Domain
from holotype.domains.registry import default_domain, domains
from holotype.errors import DataError, ImageError, TextError, VectorError

VECTOR_SUFFIX = ".npy"
Item = Path | str  # a file of one picture or recording, or a text
Texts = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="In place of a file: a text; repeatable."),
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was found where pictures were looked for."""

    items: list[Item]
    passed_over: PassedOver = field(default_factory=PassedOver)  # of the folders


def typed(texts: Sequence[str] | None, domain: Domain) -> list[Item]:
    """The texts that were typed in place of files.

    Raises:
        TextError: the model takes something else.
    """
    if texts and not domain.typed:
        raise TextError(
            f"--text gives a text, and this gallery takes {domain.takes}s",
            "Name one that was made with `--model texts`, or a new one",
        )
    return [*(texts or ())]


def chosen(arguments: Sequence[Path], domain: Domain, texts: Sequence[str] | None = None) -> Chosen:
    """What is named, that of each folder among it in the order of its names; and what was typed.

    Args:
        arguments: files and folders.
        domain: of the model.
        texts: that were typed.

    Raises:
        ImageError: a folder has none.
        TextError: as for `typed`.
    """
    takes = domain.takes
    items, passed_over = typed(texts, domain), PassedOver()
    for argument in arguments:
        if not argument.is_dir():
            items += domain.held(argument)
            continue
        pictures, others = pictures_in(argument, domain.suffixes, takes)
        if not pictures:
            why = f" ({others})" if others else ""
            raise ImageError(
                f"{os.fspath(argument)!r} has no {takes}s{why}",
                f"Name a folder of {takes}s ({', '.join(sorted(domain.suffixes))})",
            )
        items += [item for path in pictures for item in domain.held(path)]
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


def strangers(folder: Path, domain: Domain | None = None) -> Grouped:
    """The pictures of people or things, those of each in a folder; or one of each.

    Args:
        folder: of them, or of a folder for each class; or a file of texts.
        domain: as for `chosen`; None: of pictures.

    Raises:
        DataError: it is no folder, has no pictures, or has both pictures and folders.
    """
    domain = domain or default_domain()
    takes = domain.takes
    if domain.typed and folder.is_file():
        return _each_alone([folder], domain, PassedOver())
    if folder.is_dir():
        pictures, others = pictures_in(folder, domain.suffixes, takes)
        folders = class_folders(folder)
        _require_one_form(folder, pictures, folders, takes)
        if not folders:
            if not pictures:
                raise DataError(
                    f"{os.fspath(folder)!r} has no {takes}s",
                    f"Put the {takes}s of each stranger into a folder of their own inside it",
                )
            return _each_alone(pictures, domain, others)
    found = read_folder(folder, domain.suffixes, takes)
    result = Grouped([], [], False, found.passed_over)
    for path, index in zip(found.paths, found.class_index, strict=True):
        result.add(found.class_names[index], domain.held(path))
    return result


def _each_alone(paths: Sequence[Path], domain: Domain, passed_over: PassedOver) -> Grouped:
    items = [item for path in paths for item in domain.held(path)]
    names = [item if isinstance(item, str) else item.name for item in items]
    return Grouped(items, names, True, passed_over)


def domain_in(folder: Path) -> Domain:
    """Of what domain most files of a folder, and of those in it, are."""
    endings = Counter(path.suffix.lower() for path in folder.glob("*") if path.is_file())
    endings.update(path.suffix.lower() for path in folder.glob("*/*"))
    known = [default_domain(), *domains().values()]  # of as many the first: pictures
    return max(known, key=lambda domain: sum(endings[suffix] for suffix in domain.suffixes))


def labelled(folder: Path, domain: Domain | None = None) -> Grouped:
    """The pictures of labels: those of each in a folder of its name, or files of their names.

    Args:
        folder: of them.
        domain: as for `chosen`; None: of pictures.

    Raises:
        DataError: it is no folder, has no pictures, or has both pictures and folders.
    """
    domain = domain or default_domain()
    takes = domain.takes
    if not folder.is_dir():
        raise DataError(
            f"{os.fspath(folder)!r} is not a folder",
            f"Name a folder that holds one folder for each label, or {takes}s named by their "
            "labels",
        )
    pictures, others = pictures_in(folder, domain.suffixes, takes)
    folders = class_folders(folder)
    _require_one_form(folder, pictures, folders, takes)
    if not folders:
        found = Grouped([], [], True, others)
        for path in pictures:
            found.add(path.stem, domain.held(path))
    else:
        found = Grouped([], [], False, beside(folder, domain.suffixes, takes))
        for one in folders:
            pictures, others = pictures_in(one, domain.suffixes, takes)
            found.add(one.name, [item for path in pictures for item in domain.held(path)])
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
