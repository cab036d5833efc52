"""Texts in place of pictures, where the model has a text side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holotype.domains.domain import Reasons
from holotype.embedder import Embedder
from holotype.errors import TextError
from holotype.image.decode import describe
from holotype.recognizer.detection import stacked
from holotype.stats.scoring import Floats


def described(embedder: Embedder | None, texts: Sequence[str]) -> tuple[Floats, list[Reasons]]:
    """Where descriptions of B things lie among pictures, and what speaks against each.

    Args:
        embedder: of the model of pictures; None: there is none.
        texts: the descriptions.

    Returns:
        float32 unit [B, D], and the doubts.

    Raises:
        TextError: the model has no text side, or a text is empty or none that it reads.
        MissingExtraError: what reads texts is not installed.
        PackError: the text side fails.
    """
    if not texts:
        return np.empty((0, 0), np.float32), []
    words = None if embedder is None else embedder.words
    if words is None:
        takes = "picture" if embedder is None else embedder.domain.takes
        raise TextError(
            f"the model has no text side, so a text says nothing of a {takes}",
            f"Give a {takes}; or take a model of pictures that has one: `holotype pack describe` "
            "gives it to a pack, and a CLIP of `holotype pack build --from hf:OWNER/NAME` brings "
            "it along",
        )
    found = [one for (one,) in words.domain.detect(words, list(texts))]
    for text, one in zip(texts, found, strict=True):
        if one.vector is None:
            raise TextError(f"{describe(text)}: {one.problem}", one.remedy)
    return stacked(found), [one.reasons for one in found]
