"""A model pack, put to the open-set test: every probe is answered as `identify` would."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype import calibration, quality
from holotype.decision import tied, unfamiliar
from holotype.embedder import Embedder
from holotype.images import Picture
from holotype.pack import Pack, strangers_in_words
from holotype.recognizer.probes import face_probes
from holotype.report.proof import OwnStrangers, Progress, Proof, data_for, embed_all, prove
from holotype.scoring import Floats
from holotype.tasks.datasets import Dataset
from holotype.tasks.open_set import RATES, Judge, Scored

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
    progress: Progress | None = None,
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
    cohort = calibration.Cohort(*pack.cohort())
    embeddings, doubtful = seen(dataset, pack, cohort, progress)
    there = embeddings.any(axis=1)
    asked, own = np.ones(len(dataset.class_names), np.bool_), None
    if not len(cohort):
        order = np.random.default_rng(seed).permutation(len(asked))
        asked[order[: round(_OWN_SHARE * len(asked))]] = False
        shown = there & ~asked[dataset.class_index]
        own = calibration.Cohort(embeddings[shown], dataset.class_index[shown])
    kept = there & asked[dataset.class_index]
    default = pack.card.cohort.get("default_similarity")
    matching = calibration.MatchProbability.fit(cohort)
    return prove(
        dataset.rows(kept),
        embeddings[kept],
        partial(judge, cohort, matching, doubtful[kept], own=own, default=default),
        model=pack.card.name,
        model_id=pack.card.model_id,
        k_shots=k_shots,
        enrolled=enrolled,
        galleries=galleries,
        rates=rates,
        seed=seed,
        stranger_prior=STRANGER_PRIOR,
        not_acquired=tuple(dataset.picture(row) for row in np.flatnonzero(~there).tolist()),
        own_strangers=None if own is None else OwnStrangers(int((~asked).sum()), len(own), default),
        cohort=strangers_in_words(pack.card),
        progress=progress,
    )


def seen(
    dataset: Dataset, pack: Pack, cohort: calibration.Cohort, progress: Progress | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Every picture of a data set as a model sees it.

    Returns:
        float32 unit [M, D], 0 where a model of faces finds none, or several; and bool [M], for
        which pictures `identify` has doubts, of their quality or as unlike all that prepared the
        model, whatever the gallery.

    Raises:
        ImageError: a picture cannot be read or shows nothing.
    """
    embedder, flawed = Embedder(pack), list[bool]()

    def look(picture: Picture) -> None:
        reasons = quality.doubts(picture.pixels, picture.luminance, embedder.preprocessing)
        flawed.append(bool(quality.serious(reasons)))

    def faces(sources: Sequence[Any]) -> Floats:
        vectors = np.zeros((len(sources), embedder.embedding_dim), np.float32)
        for vector, source in zip(vectors, sources, strict=True):
            (probe,) = face_probes(embedder, source)
            flawed.append(bool(probe.reasons))
            if probe.vector is not None:
                vector[:] = probe.vector
        return vectors

    of_faces = embedder.preprocessing.kind == "face"
    embed = faces if of_faces else partial(embedder.embed, look=look)
    embeddings = embed_all(dataset, embed, progress)
    p_values = calibration.Familiarity(pack.background(), cohort).p_value(embeddings)
    strange = [bool(unfamiliar(p_value)) for p_value in p_values.tolist()]
    return embeddings, np.array(flawed) | np.array(strange)


def judge(
    cohort: calibration.Cohort,
    matching: calibration.MatchProbability | None,
    doubtful: NDArray[np.bool_],
    k_shot: int,
    own: calibration.Cohort | None = None,
    default: float | None = None,
) -> Judge:
    """Who answers as `identify` and `verify` do, for identities of `k_shot` examples.

    Args:
        cohort: the strangers that set the thresholds.
        matching: what knows the probability of a match; None: none is stated.
        doubtful: bool [M], the pictures that get no answer in any gallery.
        k_shot: examples of each identity.
        own: what `calibrate` was shown.
        default: the similarity that is accepted before it was shown anything.
    """
    nobody = calibration.Cohort(cohort.embeddings[:0], cohort.class_index[:0])
    latest: calibration.GalleryDraws | None = None

    def drawn(prototypes: Floats) -> calibration.GalleryDraws:
        nonlocal latest
        # Everything that is asked of one gallery shares its draws.
        if latest is None or latest.cohort.prototypes is not prototypes:
            keys = range(len(prototypes))
            latest = calibration.GalleryDraws.of(cohort, own or nobody, keys, prototypes, k_shot)
        return latest

    def probability(scored: Scored) -> NDArray[np.float64]:
        assert matching is not None
        draws = drawn(scored.prototypes)
        return matching.probabilities(scored.best, k_shot, draws, STRANGER_PRIOR)

    def cannot_tell(scored: Scored, threshold: float) -> NDArray[np.bool_]:
        accepted = scored.best >= threshold
        return doubtful[scored.row] | (accepted & tied(scored.best, scored.second))

    return Judge(
        decide=lambda prototypes, rate: drawn(prototypes).threshold(rate, "fpir"),
        claim=lambda prototypes, rate: drawn(prototypes).claim(0).threshold(rate, "fmr"),
        probability=None if matching is None else probability,
        cannot_tell=cannot_tell,
        default=default,
    )
