"""Two things, one answer: the same, or not? Nothing is enrolled, and nothing is written."""

from __future__ import annotations

import os
from typing import cast

import numpy as np

from holotype.embedder import Embedder
from holotype.errors import ImageError
from holotype.gallery import Gallery, Snapshot, Strangers
from holotype.image.prepare import ImageSource
from holotype.pack import load_pack
from holotype.recognizer.describing import described
from holotype.recognizer.detection import detect
from holotype.recognizer.kinds import usual_model
from holotype.recognizer.opening import cohort_data, cohort_model
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.unusable import refusal, unusable
from holotype.records import Decision
from holotype.stats.scoring import Floats


def same(
    first: ImageSource,
    second: ImageSource | None = None,
    model: str | os.PathLike[str] | Recognizer | None = None,
    *,
    description: str | None = None,
    fmr: float | str | None = None,
    stranger_prior: float = 0.5,
) -> Decision:
    """1:1 of two pictures, recordings or texts: do they show, or mean, the same?

    It is `verify` against a gallery that holds the first alone, or the description, and lives in
    memory. So the two may not be exchanged freely: the threshold is that of the first. A text and
    a picture are further apart than two pictures are, so a description has a threshold of its own,
    set by the pack's cohort alone; where there is none, a stated rate is refused.

    Args:
        first: as for `images.read`.
        second: likewise; None where there is a description.
        model: name of a shipped pack or path of a pack folder; or a recognizer, whose model is
            open, and whose gallery is not asked; None: `voices` for recordings, `characters` for
            pictures.
        description: in place of the second picture: does the first show this? For a model with a
            text side.
        fmr: the share of pairs of different ones that may be taken for the same, in (0, 1).
        stranger_prior: the share of pairs of different ones that is expected, in [0, 1].

    Returns:
        A `Decision` without an id: no gallery takes feedback on it.

    Raises:
        ImageError: a picture cannot be read or holds nothing, or there are not two things.
        TextError: the model has no text side, or the description is empty or none that it reads.
        RateError: the rate is no fraction, or cannot be supported for the first picture, or for the
            description.
        PackError: the model pack is missing, altered or broken.
    """
    if isinstance(model, Recognizer):
        embedder, known, data = model.embedder, model.model, model.cohort_data
    else:
        pack = load_pack(usual_model(first) if model is None else model)
        embedder, known, data = Embedder(pack), cohort_model(pack), cohort_data(pack)
    if (second is None) == (description is None):
        raise ImageError(
            "same compares two things", "Give a second one or a description, and not both"
        )
    if description is not None:
        vectors, _ = described(embedder, [description])
        label, vector, probe = description, vectors[0], first
    else:
        assert second is not None
        label, vector, probe = *_shown(embedder, first), second
    alone = cast(Gallery, _InMemory(label, vector, description is not None))
    with Recognizer(embedder, alone, known, data) as recognizer:
        return recognizer.verify(label, probe, fmr, stranger_prior=stranger_prior)


def _shown(embedder: Embedder, first: ImageSource) -> tuple[str, Floats]:
    """What the first is called, and its vector."""
    ((shown,),) = detect(embedder, [first])
    if shown.vector is None:
        raise refusal(unusable([first], [shown]), 1, takes=embedder.domain.takes)
    if isinstance(first, str | os.PathLike) and not embedder.domain.typed:
        return os.fspath(first), shown.vector
    return f"the first {embedder.domain.takes}", shown.vector


class _InMemory:
    """As much of a `Gallery` as `verify` asks for, with one example of one identity."""

    index = None

    def __init__(self, label: str, vector: Floats, is_text: bool) -> None:
        nobody = Strangers(1, np.empty((0, len(vector)), np.float32), np.empty(0, np.int64))
        self._snapshot = Snapshot(
            1,
            (label,),
            ("first",),
            vector[None],
            np.zeros(1, np.int64),
            nobody,
            examples=np.ones(1, np.int64),
            described=frozenset({1} if is_text else ()),
        )

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def close(self) -> None:
        pass
