"""What pictures show that can be recognized, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.domain import Detected
from holotype.embedder import Embedder
from holotype.errors import VectorError
from holotype.image.decode import ImageSource
from holotype.stats.scoring import Floats, unit


def stacked(found: Sequence[Detected]) -> Floats:
    """The vectors of those that have one: float32 [B, D], B at least 1."""
    return np.stack([one.vector for one in found if one.vector is not None])


def given(vectors: NDArray[Any], dim: int) -> list[Detected]:
    """Embeddings that somebody else computed, as what pictures would have shown.

    Args:
        vectors: float [B, D] or [D].
        dim: D of the gallery.

    Raises:
        VectorError: of another shape or length, not numbers, not finite, or zero.
    """
    array = np.asarray(vectors)
    if array.dtype.kind != "f":
        raise VectorError(
            f"the vectors are {array.dtype}; embeddings are floating-point numbers",
            "Pass them as they come from the model, as float32",
        )
    if array.ndim not in (1, 2) or array.shape[-1] != dim or not array.size:
        raise VectorError(
            f"vectors of shape {list(array.shape)} do not fit a gallery of {dim} numbers each",
            f"Pass [{dim}] for one, or [B, {dim}] for B of them",
        )
    array = np.atleast_2d(array).astype(np.float64)
    length = np.linalg.norm(array, axis=1)
    for row in np.flatnonzero(~(np.isfinite(length) & (length > 0)))[:1].tolist():
        what = "zero, and has no direction" if length[row] == 0 else "not finite"
        raise VectorError(f"vector {row + 1} of {len(array)} is {what}", "Embed it again")
    return [Detected(vector, ()) for vector in unit(array)]


def detect(
    embedder: Embedder, images: Sequence[ImageSource | Detected], everybody: bool = False
) -> list[list[Detected]]:
    """What each of B pictures, recordings or texts shows. One that cannot be read spoils no other.

    Args:
        embedder: of any model.
        images: as for `images.read`; what was detected before stays as it is.
        everybody: whether each face of a picture is a probe; if not, there is one.

    Returns:
        B lists of at least one probe.

    Raises:
        MissingExtraError: what finds faces, or reads recordings or texts, is not installed.
        PackError: the model fails.
    """
    return embedder.domain.detect(embedder, images, everybody)
