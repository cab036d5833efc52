"""Embeddings in a file, where there is one: what takes long is done once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.dataset import Dataset
from holotype.pack import Pack
from holotype.report import seen

Arrays = dict[str, NDArray[Any]]


def kept(file: Path | None, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of a file; where it is not there they are made, and kept in it."""
    if file is not None and file.is_file():
        with np.load(file) as stored:
            return dict(stored)
    made = make()
    if file is not None:
        np.savez(file, allow_pickle=False, **made)
    return made


def seen_once(
    data: Dataset, pack: Pack, file: Path | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """As `seen`, the vectors and the doubtful of a data set, kept in the file."""

    def make() -> Arrays:
        vectors, doubtful = seen(
            data, pack, lambda _, done, total: print(f"{done:,} of {total:,}", end="\r")
        )
        return {"vectors": vectors, "doubtful": doubtful}

    found = kept(file, make)
    return found["vectors"], found["doubtful"]
