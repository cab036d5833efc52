"""What a data set is: pictures with classes."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.folders import picture_name
from holotype.datasets.lazy import Pictures, select
from holotype.errors import DataError


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
    divided: bool = False  # it brings its own splits, to learn from and to be tested on

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
        return self.rows(np.array([name not in left_out for name in names_of], np.bool_))

    def rows(self, kept: NDArray[np.bool_]) -> Dataset:
        """The same data set with some of its pictures.

        Args:
            kept: bool [M]; a class that loses all of its pictures goes as well.
        """
        names, class_index = np.unique(self.class_index[kept], return_inverse=True)
        return replace(
            self,
            images=select(self.images, np.flatnonzero(kept)),
            class_index=class_index.astype(np.int64),
            class_names=tuple(self.class_names[index] for index in names),
            group=tuple(self.group[index] for index in names),
            drawer=None if self.drawer is None else self.drawer[kept],
        )

    def picture(self, row: int) -> str:
        """What to call a picture: its path, or its number within its class."""
        if isinstance(self.images, tuple):
            return str(self.images[row])
        kind = self.class_index[row]
        number = int((self.class_index[: row + 1] == kind).sum())
        return f"{self.class_names[kind]} #{number}"

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
