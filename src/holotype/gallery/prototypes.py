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


def follow(
    before: Floats,
    changes: tuple[NDArray[np.int64], NDArray[np.int64]],
    vectors: Floats,
    owner: NDArray[np.int64],
    described: NDArray[np.bool_],
) -> Floats:
    """As `prototypes_of` of the next state, bit for bit, at the cost of who came or changed.

    Args:
        before: float32 unit [N, D].
        changes: int64 [N], the next row of each of them, -1 for one that leaves or changes, and
            the next rows that are none of these.
        vectors: float32 unit [M, D].
        owner: int64 [M], the identity 0..N'-1 of each.
        described: bool [M], which of them stand for a text.

    Returns:
        float32 unit [N', D].
    """
    new_row, arrived = changes
    stays = new_row >= 0
    result = np.empty((np.count_nonzero(stays) + len(arrived), before.shape[1]), np.float32)
    result[new_row[stays]] = before[stays]
    if len(arrived):
        rows = np.flatnonzero(np.isin(owner, arrived))
        place = np.searchsorted(arrived, owner[rows])
        result[arrived] = prototypes_of(vectors[rows], place, described[rows], len(arrived))
    return result
