"""The formulas that turn embeddings into scores, each once.

B = batch, D = embedding dimensions, N = classes, K = examples of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Vectors scaled to length 1 along the last axis; a zero vector stays zero.

    float [..., D] -> float32 [..., D].
    """
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)


def prototypes(support: NDArray[np.floating]) -> Floats:
    """The class means on the unit sphere: float [..., N, K, D] -> float32 unit [..., N, D].

    Snell et al. 2017, equation 1, renormalized, so that inner products stay cosines.
    """
    return unit(support.mean(axis=-2))


def group_prototypes(vectors: Floats, owner: NDArray[np.int64], count: int) -> Floats:
    """Prototypes of identities with unequal numbers of examples.

    Args:
        vectors: float32 unit [M, D].
        owner: int64 [M], the identity 0..count-1 of each vector; every identity occurs.
        count: N.

    Returns:
        float32 unit [N, D].
    """
    if len(vectors) == count and np.array_equal(owner, np.arange(count)):
        return vectors
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(count))
    result = unit(np.add.reduceat(vectors[order], starts, axis=0))
    # What one vector is must not depend on how many the others have, not even by rounding.
    alone = np.diff(starts, append=len(owner)) == 1
    result[alone] = vectors[order[starts[alone]]]
    return result


def top_k(similarity: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Indices of the `k` largest values of `similarity` [N], best first; all when N < k.

    Equal values come in the order of their indices, so that the same gallery answers the same.
    """
    if k < len(similarity):
        # Everything from the k-th largest value up, so that ties at the cut are decided by index.
        cut = np.partition(similarity, len(similarity) - k)[len(similarity) - k]
        chosen = np.flatnonzero(similarity >= cut)
    else:
        chosen = np.arange(len(similarity))
    order = np.argsort(-similarity[chosen], kind="stable")[:k]
    return np.asarray(chosen[order], dtype=np.int64)
