"""The examples as one matrix that grows at its end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Matrix:
    """Rows of vectors with their owners. Rows are appended and never changed.

    Views that were handed out stay valid: growth moves to a new buffer, and appending writes
    behind the rows that a view can see. A row costs the same on average however many there are.
    """

    def __init__(self, embedding_dim: int) -> None:
        """Start without rows; `embedding_dim` is D."""
        self._vectors = np.empty((0, embedding_dim), np.float32)
        self._owner = np.empty(0, np.int64)
        self.rows = 0

    def reserve(self, rows: int) -> None:
        """Make room for that many more rows."""
        needed = self.rows + rows
        if needed <= len(self._vectors):
            return
        capacity = needed + needed // 2 + 16  # memory that is not written to costs nothing
        vectors = np.empty((capacity, self._vectors.shape[1]), np.float32)
        owner = np.empty(capacity, np.int64)
        vectors[: self.rows] = self._vectors[: self.rows]
        owner[: self.rows] = self._owner[: self.rows]
        self._vectors, self._owner = vectors, owner

    def append(self, vectors: NDArray[np.float32], owner: NDArray[np.int64]) -> None:
        """Add rows: vectors [B, D] and whose they are, [B]."""
        self.reserve(len(vectors))
        end = self.rows + len(vectors)
        self._vectors[self.rows : end] = vectors
        self._owner[self.rows : end] = owner
        self.rows = end

    def views(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """All rows, read-only: vectors [M, D] and owner [M]."""
        vectors, owner = self._vectors[: self.rows], self._owner[: self.rows]
        vectors.flags.writeable = owner.flags.writeable = False
        return vectors, owner
