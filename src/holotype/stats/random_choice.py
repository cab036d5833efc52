"""Random choices that give the same numbers on every machine and with every version of numpy.

numpy keeps the streams of its bit generators stable, but not what `Generator` makes of them
(NEP 19). So the raw 64-bit words are taken, and the choices are made here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError


def stream(seed: int) -> np.random.Philox:
    """The stream of 64-bit words of this seed (Philox4x64-10, Salmon et al. 2011).

    Raises:
        DataError: the seed is not in 0..2**64 - 1.
    """
    if not 0 <= seed < 2**64:
        raise DataError(
            f"seed={seed} is outside 0..2**64 - 1", "Choose a non-negative integer as the seed"
        )
    return np.random.Philox(key=seed)


def words(generator: np.random.Philox, rows: int, columns: int) -> NDArray[np.uint64]:
    """The next `rows * columns` words, uint64 [rows, columns]."""
    return np.asarray(generator.random_raw(rows * columns), np.uint64).reshape(rows, columns)


def below(word: NDArray[np.uint64], bound: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Turn each word into an integer in 0..bound-1.

    The upper 32 bits are scaled; for bounds of 10,000 the chance of a value is off by less than
    one part in 400,000, which no experiment of this project can see.
    """
    limit = np.asarray(bound).astype(np.uint64)
    return (((word >> np.uint64(32)) * limit) >> np.uint64(32)).astype(np.int64)


def choose(word: NDArray[np.uint64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw k distinct numbers out of 0..size-1 for each row, in random order.

    The first k steps of the shuffle of Fisher and Yates, on all rows at once.

    Args:
        word: uint64 [R, k], the randomness.
        size: int64 [R], each at least k.

    Returns:
        int64 [R, k].
    """
    count, k = word.shape
    # One column per row of the result: the step that all rows take together lies contiguous.
    pool = np.repeat(np.arange(max(int(size.max()), k), dtype=np.int32)[:, None], count, axis=1)
    column = np.arange(count)
    for step in range(k):
        partner = step + below(word[:, step], size - step)
        picked = pool[partner, column]
        pool[partner, column] = pool[step]
        pool[step] = picked
    return np.asarray(pool[:k].T, np.int64)
