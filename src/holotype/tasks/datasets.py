"""Data sets of pictures with classes, and where they come from."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError
from holotype.tasks.archives import DAMAGE, OMNIGLOT_SIDE_PX
from holotype.tasks.folders import picture_name, read_folder
from holotype.tasks.parts import read_part
from holotype.tasks.pictures import PackedDrawings, Pictures, select

OMNIGLOT_FILE = "omniglot_105_bits.npz"
_SHIPPED = {"sample": "omniglot_sample.npz", "digits": "digits.npz"}


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Pictures with classes. M pictures, C classes."""

    name: str
    images: Pictures  # [M, ...] array, or a tuple of M paths
    class_index: NDArray[np.int64]  # [M] in 0..C-1
    class_names: tuple[str, ...]  # [C]
    group: tuple[str, ...]  # [C] the alphabet of each class, "" where there is none
    drawer: NDArray[np.int64] | None  # [M] who drew it, where that is known
    license: str
    source: str

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.class_index)

    def subset(self, classes: Sequence[int] | NDArray[np.int64]) -> Dataset:
        """Only these classes, renumbered 0.. in the order given, with all their pictures.

        Raises:
            DataError: a class is unknown or named twice, or there is none.
        """
        chosen = np.asarray(classes, np.int64)
        count = len(self.class_names)
        if chosen.size == 0 or len(np.unique(chosen)) < chosen.size:
            raise DataError(
                f"a subset of '{self.name}' needs at least one class and none twice",
                "Pass distinct class indices",
            )
        if chosen.min() < 0 or chosen.max() >= count:
            raise DataError(
                f"class {int(chosen.max() if chosen.max() >= count else chosen.min())} is not "
                f"among the {count} classes of '{self.name}'",
                f"Pass class indices in 0..{count - 1}",
            )
        order = np.argsort(self.class_index, kind="stable")
        end = np.cumsum(np.bincount(self.class_index, minlength=count))
        parts = np.split(order, end[:-1])
        rows = np.concatenate([parts[index] for index in chosen])
        sizes = [len(parts[index]) for index in chosen]
        return replace(
            self,
            images=select(self.images, rows),
            class_index=np.repeat(np.arange(chosen.size), sizes),
            class_names=tuple(self.class_names[index] for index in chosen),
            group=tuple(self.group[index] for index in chosen),
            drawer=None if self.drawer is None else self.drawer[rows],
        )

    def without(self, pictures: Collection[str]) -> Dataset:
        """The same data set, of a folder, without these pictures.

        Args:
            pictures: as "class/file"; a class that loses all of its pictures goes as well.
        """
        left_out = frozenset(pictures)
        names_of = (picture_name(self.images[row]) for row in range(len(self)))
        kept = np.array([name not in left_out for name in names_of], np.bool_)
        names, class_index = np.unique(self.class_index[kept], return_inverse=True)
        return replace(
            self,
            images=select(self.images, np.flatnonzero(kept)),
            class_index=class_index.astype(np.int64),
            class_names=tuple(self.class_names[index] for index in names),
            group=tuple(self.group[index] for index in names),
            drawer=None if self.drawer is None else self.drawer[kept],
        )

    def with_images(self, images: Pictures) -> Dataset:
        """The same data set with its pictures in another form, for example prepared.

        Args:
            images: [M, ...] in the order of this data set.

        Raises:
            DataError: the number of pictures differs.
        """
        if len(images) != len(self):
            raise DataError(
                f"{len(images)} pictures were passed; '{self.name}' has {len(self)}",
                "Pass one picture for each of the data set's, in its order",
            )
        return replace(self, images=images)


def data_folder() -> Path:
    """Where data sets lie: `$HOLOTYPE_DATA`, or `~/.cache/holotype` where that is not set."""
    folder = os.environ.get("HOLOTYPE_DATA")
    return Path(folder) if folder else Path.home() / ".cache" / "holotype"


def load_dataset(name_or_path: str | Path) -> Dataset:
    """Load a data set by name, or from a folder of class folders.

    Names: "omniglot" (1,623 characters x 20, uint8 [., 105, 105], ink 0 on paper 255; unpacked
    on demand), "sample" (two of its evaluation alphabets with 20 characters each, shipped),
    "digits" (1,797 digits, uint8 [1797, 8, 8], ink 255 on paper 0, 17 grey levels, shipped).
    A folder that `holotype data omniglot` filled is Omniglot; any other is read as class folders.
    A .json file is a part of one of these (see `parts`).

    Raises:
        DataError: there is no such data set, or it cannot be read.
    """
    if name_or_path == "omniglot":
        return _omniglot(data_folder() / OMNIGLOT_FILE, "omniglot")
    if name_or_path == "sample":
        return _omniglot(_shipped("sample"), "sample")
    if name_or_path == "digits":
        return _digits()
    path = Path(name_or_path)
    if (path / OMNIGLOT_FILE).is_file():
        return _omniglot(path / OMNIGLOT_FILE, "omniglot")
    if path.suffix == ".json" and path.is_file():
        return _part(path)
    folder = read_folder(path)
    return Dataset(
        name=folder.name,
        images=folder.paths,
        class_index=folder.class_index,
        class_names=folder.class_names,
        group=("",) * len(folder.class_names),
        drawer=None,
        license="",
        source=str(path),
    )


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The named arrays of an .npz file.

    Raises:
        DataError: the file is missing, damaged, or lacks one of the arrays.
    """
    if not path.is_file():
        raise DataError(
            f"there is no {path.name} in {path.parent}",
            "Run `holotype data omniglot`, or set HOLOTYPE_DATA to the folder that holds it",
        )
    try:
        with path.open("rb") as stream:  # numpy leaves a file it cannot read open
            stored = np.load(stream, allow_pickle=False)
            return {name: stored[name] for name in names}
    except DAMAGE as error:
        raise DataError(
            f"{path} cannot be read ({error})", "Remove it and run `holotype data omniglot`"
        ) from error


def _part(path: Path) -> Dataset:
    part = read_part(path)
    whole = load_dataset(part.data)
    position = {name: index for index, name in enumerate(whole.class_names)}
    missing = [name for name in part.classes if name not in position]
    if missing:
        raise DataError(
            f"'{path}' names the class '{missing[0]}', which '{part.data}' does not have",
            "Restore the class, or divide the data set anew",
        )
    dataset = whole.subset([position[name] for name in part.classes])
    return dataset.without(part.left_out) if part.left_out else dataset


def _omniglot(path: Path, name: str) -> Dataset:
    stored = read_arrays(path, ("bits", "label", "drawer", "class_names"))
    # "images_background/Greek/character01": the part is told by the alphabet, see splits.
    class_names = tuple(str(full).split("/", 1)[1] for full in stored["class_names"])
    return Dataset(
        name=name,
        images=PackedDrawings(stored["bits"], OMNIGLOT_SIDE_PX),
        class_index=stored["label"].astype(np.int64),
        class_names=class_names,
        group=tuple(full.rsplit("/", 1)[0] for full in class_names),
        drawer=stored["drawer"].astype(np.int64),
        license="MIT",
        source="https://github.com/brendenlake/omniglot",
    )


def _digits() -> Dataset:
    stored = read_arrays(_shipped("digits"), ("levels", "label"))
    levels = stored["levels"].astype(np.uint16)  # 0..16
    return Dataset(
        name="digits",
        images=((levels * 255 + 8) // 16).astype(np.uint8),
        class_index=stored["label"].astype(np.int64),
        class_names=tuple("0123456789"),
        group=("",) * 10,
        drawer=None,
        license="CC BY 4.0",
        source="https://doi.org/10.24432/C50P49",
    )


def _shipped(name: str) -> Path:
    return Path(str(resources.files("holotype.tasks") / "data" / _SHIPPED[name]))
