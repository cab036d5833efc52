"""Text as a bag of hashed n-grams: what was never seen in training still has a place."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BUCKETS = 1 << 15
_SIZES = (3, 4, 5)  # of character n-grams
_WORD = re.compile(r"\w+")


def ngrams(text: str) -> set[str]:
    """Words, pairs of neighboring words, and n-grams of 3 to 5 characters within a word.

    Case does not count, nor does punctuation; a word is framed by spaces, so that its ends are
    told from its middle.
    """
    words = _WORD.findall(text.casefold())
    found = {f"w {word}" for word in words}
    found |= {f"p {first} {second}" for first, second in pairwise(words)}
    for framed in (f" {word} " for word in words):
        found |= {
            f"c{framed[start : start + size]}"
            for size in _SIZES
            for start in range(len(framed) - size + 1)
        }
    return found


def hashed(texts: Sequence[str] | NDArray[np.object_]) -> NDArray[np.int64]:
    """The n-grams of each text, as numbers that are the same on every machine.

    Args:
        texts: M of them, or object [M]; one may be empty.

    Returns:
        int64 [M, L]: the distinct buckets in 1..BUCKETS-1 in ascending order, then zeros; L is
        that of the text with the most, at least 1.
    """
    buckets = [
        sorted({1 + zlib.crc32(gram.encode()) % (BUCKETS - 1) for gram in ngrams(text)})
        for text in texts
    ]
    result = np.zeros((len(texts), max([1, *map(len, buckets)])), dtype=np.int64)
    for row, found in zip(result, buckets, strict=True):
        row[: len(found)] = found
    return result


def rarity(buckets: NDArray[np.int64]) -> NDArray[np.float32]:
    """The inverse document frequency of each bucket, `log((1 + M) / (1 + m)) + 1`.

    Args:
        buckets: int64 [M, L], as from `hashed`, of the background.

    Returns:
        float32 [BUCKETS]; that of bucket 0, the padding, is 0.
    """
    occurring = np.bincount(buckets.ravel(), minlength=BUCKETS)
    result = np.log((1 + len(buckets)) / (1 + occurring)) + 1
    result[0] = 0
    return result.astype(np.float32)


class NgramEmbedding(nn.Module):
    """The sum of the vectors of a text's n-grams, each weighted by its rarity.

    The vectors start at random: untrained, inner products are those of TF-IDF, up to the noise
    of a random projection. Training moves the vectors of n-grams that it sees; all others stay.

    Args:
        rarity: float32 [BUCKETS], see `rarity`; part of the state.
        dim: D.
    """

    rarity: Tensor  # [BUCKETS]

    def __init__(self, rarity: NDArray[np.float32], dim: int = 256) -> None:
        super().__init__()
        self.register_buffer("rarity", torch.tensor(rarity))
        self.vectors = nn.EmbeddingBag(len(rarity), dim, mode="sum", padding_idx=0)
        with torch.no_grad():
            self.vectors.weight.div_(dim**0.5)

    def forward(self, buckets: Tensor) -> Tensor:
        """int64 [B, L] -> float32 [B, D]."""
        weight = self.rarity[buckets]
        return cast(Tensor, self.vectors(buckets, per_sample_weights=weight))
