"""What every gallery can do, whatever holds it.

N = enrolled labels, M = examples, B = examples in one call, D = embedding dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All that is enrolled, at one moment. It never changes; the arrays are read-only."""

    version: int  # differs whenever the content does; meaningful for one open gallery only
    labels: tuple[str, ...]  # [N] in order of first enrollment
    vectors: NDArray[np.float32] = field(repr=False)  # [M, D] as they were added, oldest first
    owner: NDArray[np.int64] = field(repr=False)  # [M] index into labels


class Gallery(Protocol):
    """A durable set of labels with their example vectors, bound to one model.

    Safe to share between threads; several processes may hold the same gallery open.
    """

    @property
    def model_id(self) -> str:
        """The model whose embeddings this gallery holds."""

    def add(self, label: str, vectors: NDArray[Any]) -> int:
        """Store examples of a label: all of them, durable before this returns, or none.

        Args:
            label: any text that `check_label` accepts, stored verbatim.
            vectors: float32 [B, D], B >= 1, finite.

        Returns:
            The number of examples of this label now.

        Raises:
            LabelError: the label cannot be stored.
            GalleryError: the vectors do not fit, or the gallery cannot be written.
        """

    def remove(self, label: str) -> int:
        """Erase a label with all its examples, leaving nothing of them in storage.

        Returns:
            The number of examples removed.

        Raises:
            LabelError: the label is not enrolled.
            GalleryError: the gallery cannot be written, or the erasure has to wait.
        """

    def labels(self) -> dict[str, int]:
        """Every label and its number of examples, in order of first enrollment."""

    def snapshot(self) -> Snapshot:
        """The present content; costs next to nothing when nothing changed."""

    def close(self) -> None:
        """Let go of the gallery. Closing twice is harmless."""

    def __enter__(self) -> Self:
        """The gallery itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
