"""The scale on which similarities are modeled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

MAX_NEGATIVE_LOG = 16.0  # of two vectors that float32 cannot tell apart


def negative_log_distance(similarity: NDArray[np.floating]) -> Doubles:
    """-log(1 - similarity), at most `MAX_NEGATIVE_LOG`.

    It has no end as similarity has at 1, and where the number of pairs at a small distance goes
    with a power of the distance, as in any space that has a dimension, its tail is exponential.
    """
    distance = 1 - np.asarray(similarity, dtype=np.float64)
    return np.asarray(-np.log(np.maximum(distance, np.exp(-MAX_NEGATIVE_LOG))))
