"""The examples as one matrix that grows at its end, and what a row of it may be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError
from holotype.gallery import mapped

UNIT_TOLERANCE = 1e-3  # how far the length of a vector may be from 1: rounding is far below
# Two vectors as near as this are of one picture: a model rounds differently in another batch or
# on another processor, by some 1e-6; a second picture is a hundred times as far away.
SAME_TOLERANCE = 1e-4


def checked(vectors: NDArray[Any], embedding_dim: int) -> NDArray[np.float32]:
    """The vectors as float32 [B, D], if a gallery takes them.

    Raises:
        GalleryError: another shape, B = 0, NaN or infinity, or a length that is not 1.
    """
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] != embedding_dim:
        raise GalleryError(
            f"vectors of shape {array.shape} do not fit the gallery, which takes "
            f"[B, {embedding_dim}] with B of at least 1",
            "Pass embeddings of the gallery's own model",
        )
    if not np.isfinite(array).all():
        raise GalleryError(
            "the vectors hold NaN or infinity; a gallery takes finite numbers",
            "Check the model and its input",
        )
    length = lengths(array)
    worst = int(np.argmax(np.abs(length - 1)))
    if abs(length[worst] - 1) > UNIT_TOLERANCE:
        raise GalleryError(
            f"vector {worst} has length {length[worst]:.4g}; a gallery takes unit vectors",
            "Divide each by its length, as an Embedder does",
        )
    return array


def lengths(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Euclidean length of each row of [B, D]."""
    squares: NDArray[np.float64] = np.square(vectors, dtype=np.float64).sum(axis=1)
    return np.sqrt(squares)


def repeated(earlier: NDArray[np.float32], added: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the added vectors are those of pictures that are there already.

    Args:
        earlier: float32 unit [K, D].
        added: float32 unit [B, D].

    Returns:
        bool [B]: equal, but for rounding, to an earlier one or to one that was added before it.
    """
    found = np.zeros(len(added), np.bool_)
    for row, vector in enumerate(added):
        found[row] = len(same(earlier, vector)) or len(same(added[:row], vector))
    return found


def same(vectors: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which rows of [M, D] are of the picture that [D] is of."""
    # Inner products are fast, but round too much to tell: they only say where to look.
    near = np.flatnonzero(vectors @ vector > 1 - SAME_TOLERANCE)
    return np.asarray(near[lengths(vectors[near] - vector) <= SAME_TOLERANCE], np.int64)


def as_blobs(vectors: NDArray[np.float32]) -> list[bytes]:
    """Each row as it is stored: little-endian float32."""
    return [row.tobytes() for row in vectors.astype("<f4", copy=False)]


class Matrix:
    """Rows of vectors, each with its number and its owner. Rows are appended and never changed.

    Views that were handed out stay valid: growth moves to a new buffer, and appending writes
    behind the rows that a view can see. A row costs the same on average however many there are.
    """

    def __init__(self, embedding_dim: int, folder: Path | None = None) -> None:
        """Start without rows; `embedding_dim` is D, and many may lie in a file in a folder."""
        self._folder = folder
        self._process = os.getpid()
        self._vectors = np.empty((0, embedding_dim), np.float32)
        self._numbers = np.empty(0, np.int64)
        self._owner = np.empty(0, np.int64)
        self.rows = 0

    def reserve(self, rows: int) -> None:
        """Make room for that many more rows."""
        needed = self.rows + rows
        # A child made by fork would write into the file of its parent.
        if needed <= len(self._vectors) and self._process == os.getpid():
            return
        self._process = os.getpid()
        capacity = needed + needed // 2 + 16  # memory that is not written to costs nothing
        vectors = mapped.empty(capacity, self._vectors.shape[1], self._folder)
        numbers, owner = np.empty((2, capacity), np.int64)
        vectors[: self.rows] = self._vectors[: self.rows]
        numbers[: self.rows] = self._numbers[: self.rows]
        owner[: self.rows] = self._owner[: self.rows]
        self._vectors, self._numbers, self._owner = vectors, numbers, owner

    def append(
        self, vectors: NDArray[np.float32], numbers: NDArray[np.int64], owner: NDArray[np.int64]
    ) -> None:
        """Add rows: vectors [B, D], their numbers [B], and whose they are [B]."""
        self.reserve(len(vectors))
        end = self.rows + len(vectors)
        self._vectors[self.rows : end] = vectors
        self._numbers[self.rows : end] = numbers
        self._owner[self.rows : end] = owner
        self.rows = end

    def keep(self, rows: NDArray[np.bool_], owner: NDArray[np.int64]) -> Matrix:
        """A new matrix of the marked rows, in their order, and whose each of them is now."""
        kept = Matrix(self._vectors.shape[1], self._folder)
        vectors, numbers, _ = self.views()
        at = np.flatnonzero(rows)
        kept.reserve(len(at))
        kept.rows = len(at)
        # Any mode but "raise" writes straight into `out`.
        np.take(vectors, at, axis=0, out=kept._vectors[: kept.rows], mode="clip")
        kept._numbers[: kept.rows] = numbers[at]
        kept._owner[: kept.rows] = owner
        mapped.forget(self._vectors, np.flatnonzero(~rows))
        return kept

    def views(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """All rows, read-only: vectors [M, D], numbers [M] and owner [M]."""
        vectors, owner = self._vectors[: self.rows], self._owner[: self.rows]
        numbers = self._numbers[: self.rows]
        vectors.flags.writeable = numbers.flags.writeable = owner.flags.writeable = False
        return vectors, numbers, owner
