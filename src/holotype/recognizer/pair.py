"""Two pictures, one answer: the same, or not? Nothing is enrolled, and nothing is written."""

from __future__ import annotations

import os
from typing import cast

import numpy as np

from holotype.embedder import Embedder
from holotype.gallery import Gallery, Snapshot, Strangers
from holotype.image.prepare import ImageSource
from holotype.pack import load_pack
from holotype.recognizer.detection import detect
from holotype.recognizer.kinds import usual_model
from holotype.recognizer.opening import cohort_data, cohort_model
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.unusable import refusal, unusable
from holotype.records import Decision
from holotype.stats.scoring import Floats


def same(
    first: ImageSource,
    second: ImageSource,
    model: str | os.PathLike[str] | Recognizer | None = None,
    *,
    fmr: float | str | None = None,
    stranger_prior: float = 0.5,
) -> Decision:
    """1:1 of two pictures, recordings or texts: do they show, or mean, the same?

    It is `verify` against a gallery that holds the first picture alone and lives in memory. So
    the two may not be exchanged freely: the threshold is that of the first.

    Args:
        first: as for `images.read`.
        second: likewise.
        model: name of a shipped pack or path of a pack folder; or a recognizer, whose model is
            open, and whose gallery is not asked; None: `voices` for recordings, `characters` for
            pictures.
        fmr: the share of pairs of different ones that may be taken for the same, in (0, 1).
        stranger_prior: the share of pairs of different ones that is expected, in [0, 1].

    Returns:
        A `Decision` without an id: no gallery takes feedback on it.

    Raises:
        ImageError: a picture cannot be read or holds nothing.
        RateError: the rate is no fraction, or cannot be supported for the first picture.
        PackError: the model pack is missing, altered or broken.
    """
    if isinstance(model, Recognizer):
        embedder, known, data = model.embedder, model.model, model.cohort_data
    else:
        pack = load_pack(usual_model(first) if model is None else model)
        embedder, known, data = Embedder(pack), cohort_model(pack), cohort_data(pack)
    ((shown,),) = detect(embedder, [first])
    if shown.vector is None:
        raise refusal(unusable([first], [shown]), 1, takes=embedder.domain.takes)
    label = f"the first {embedder.domain.takes}"
    if isinstance(first, str | os.PathLike) and not embedder.domain.typed:
        label = os.fspath(first)
    alone = cast(Gallery, _InMemory(label, shown.vector))
    with Recognizer(embedder, alone, known, data) as recognizer:
        return recognizer.verify(label, second, fmr, stranger_prior=stranger_prior)


class _InMemory:
    """As much of a `Gallery` as `verify` asks for, with one example of one identity."""

    def __init__(self, label: str, vector: Floats) -> None:
        nobody = Strangers(1, np.empty((0, len(vector)), np.float32), np.empty(0, np.int64))
        owner = np.zeros(1, dtype=np.int64)
        self._snapshot = Snapshot(1, (label,), ("first",), vector[None], owner, nobody)

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def close(self) -> None:
        pass
