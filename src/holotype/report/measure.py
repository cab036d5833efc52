"""A model pack, put to the open-set test: every probe is answered as `identify` would."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset
from holotype.embedder import Embedder
from holotype.evaluation.open_set import RATES
from holotype.image import quality
from holotype.openset import Cohort, Matcher
from holotype.pack import Pack, strangers_in_words
from holotype.recognizer.detection import detect
from holotype.recognizer.opening import cohort_model
from holotype.recognizer.unusable import refusal, unusable
from holotype.records import OnProgress
from holotype.report.proof import OwnStrangers, Proof, data_for, embed_all, prove
from holotype.stats.scoring import Floats

STRANGER_PRIOR = 0.5  # that of `identify`, unless it is told another one
# Of the classes, where a model has no cohort: they are shown to it, as `calibrate` would.
_OWN_SHARE = 1 / 3


def measure(
    pack: Pack,
    data: str | Path,
    *,
    enrolled: int | None = None,
    k_shots: Sequence[int] | None = None,
    galleries: int = 200,
    rates: Sequence[float] = RATES,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Proof:
    """Measure what a pack's promise is worth on a data set, answering as `identify` does.

    A model without a cohort gets its strangers from the data: a third of the classes, drawn by
    the seed, set the thresholds and are asked nothing.

    Args:
        pack: the model, with the cohort that sets the thresholds, or with none.
        data: omniglot (its evaluation alphabets), digits, sample, or a folder of class folders.
        enrolled: identities in a gallery; None: half of the classes.
        k_shots: numbers of examples; None: those of 1, 2 and 5 that the data allow.
        galleries: how many.
        rates: stated rates, fractions.
        seed: which galleries are drawn.
        progress: called with what is done, how much, and of how much.

    Raises:
        DataError: the data cannot be read, or divided as asked.
        ImageError: a picture cannot be read or shows nothing.
        RateError: a rate outside (0, 1).
    """
    dataset = data_for(data)
    known = cohort_model(pack)
    embeddings, doubtful = seen(dataset, pack, progress)
    there = embeddings.any(axis=1)
    asked, own = np.ones(len(dataset.class_names), np.bool_), None
    if not len(known.cohort):
        order = np.random.default_rng(seed).permutation(len(asked))
        asked[order[: round(_OWN_SHARE * len(asked))]] = False
        shown = there & ~asked[dataset.class_index]
        own = Cohort(embeddings[shown], dataset.class_index[shown])
    kept = there & asked[dataset.class_index]
    return prove(
        dataset.rows(kept),
        embeddings[kept],
        partial(Matcher.of_support, known, site=own),
        doubtful=doubtful[kept],
        model=pack.card.name,
        model_id=pack.card.model_id,
        k_shots=k_shots,
        enrolled=enrolled,
        galleries=galleries,
        rates=rates,
        seed=seed,
        impostor_prior=STRANGER_PRIOR,
        not_acquired=tuple(dataset.picture(row) for row in np.flatnonzero(~there).tolist()),
        own_strangers=None
        if own is None
        else OwnStrangers(int((~asked).sum()), len(own), known.default),
        cohort=strangers_in_words(pack.card),
        progress=progress,
    )


def seen(
    dataset: Dataset, pack: Pack, progress: OnProgress | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Every picture of a data set as a model sees it.

    Returns:
        float32 unit [M, D], 0 where a model of faces finds none, or several; and bool [M], of
        which pictures' quality `identify` has doubts, whatever the gallery.

    Raises:
        ImageError: a picture cannot be read or shows nothing.
    """
    embedder, flawed = Embedder(pack), list[bool]()

    def embed(sources: Sequence[Any]) -> Floats:
        found = [one for (one,) in detect(embedder, sources)]
        if not embedder.domain.sought and (bad := unusable(sources, found)):
            raise refusal(bad, len(sources))
        vectors = np.zeros((len(found), embedder.embedding_dim), np.float32)
        for vector, one in zip(vectors, found, strict=True):
            flawed.append(bool(quality.serious(one.reasons)))
            if one.vector is not None:
                vector[:] = one.vector
        return vectors

    return embed_all(dataset, embed, progress), np.array(flawed)
