"""The one vector that an identity is compared by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.stats import scoring
from holotype.stats.scoring import Floats

# What a description counts beside pictures of the same identity, each of which counts 1. Chosen on
# photographs of groceries and their names: 1 does harm there, where one picture is enrolled.
DESCRIPTION_WEIGHT = 0.5


def prototypes_of(
    vectors: Floats, owner: NDArray[np.int64], described: NDArray[np.bool_], count: int
) -> Floats:
    """The mean of each identity's examples, of unit length.

    Args:
        vectors: float32 unit [M, D].
        owner: int64 [M], the identity 0..count-1 of each; every identity occurs.
        described: bool [M], which of them stand for a text.
        count: N.

    Returns:
        float32 unit [N, D].
    """
    pictures = np.bincount(owner[~described], minlength=count)
    weight = np.where(described & (pictures[owner] > 0), DESCRIPTION_WEIGHT, 1)
    if not (weight == 1).all():
        vectors = vectors * weight[:, None].astype(np.float32)
    return scoring.group_prototypes(vectors, owner, count)
