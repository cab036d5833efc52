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
from holotype.pack import Pack
from holotype.report.proof import Progress, Proof, data_for, embed_all, prove
from holotype.scoring import Floats
from holotype.tasks.datasets import Dataset
from holotype.tasks.open_set import RATES, Judge, Scored

STRANGER_PRIOR = 0.5  # that of `identify`, unless it is told another one


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

    Args:
        pack: the model, with the cohort that sets the thresholds.
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
    return prove(
        dataset,
        embeddings,
        partial(judge, cohort, calibration.MatchProbability.fit(cohort), doubtful),
        model=pack.card.name,
        model_id=pack.card.model_id,
        k_shots=k_shots,
        enrolled=enrolled,
        galleries=galleries,
        rates=rates,
        seed=seed,
        stranger_prior=STRANGER_PRIOR,
        progress=progress,
    )


def seen(
    dataset: Dataset, pack: Pack, cohort: calibration.Cohort, progress: Progress | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Every picture of a data set as a model sees it.

    Returns:
        float32 unit [M, D]; and bool [M], for which pictures `identify` has doubts, of their
        quality or as unlike all that prepared the model, whatever the gallery.

    Raises:
        ImageError: a picture cannot be read or shows nothing.
    """
    embedder, flawed = Embedder(pack), list[bool]()

    def look(luminance: NDArray[Any]) -> None:
        flawed.append(bool(quality.assess(luminance, embedder.preprocessing)))

    embeddings = embed_all(dataset, partial(embedder.embed, look=look), progress)
    p_values = calibration.Familiarity(pack.background(), cohort).p_value(embeddings)
    strange = [bool(unfamiliar(p_value)) for p_value in p_values.tolist()]
    return embeddings, np.array(flawed) | np.array(strange)


def judge(
    cohort: calibration.Cohort,
    matching: calibration.MatchProbability | None,
    doubtful: NDArray[np.bool_],
    k_shot: int,
) -> Judge:
    """Who answers as `identify` and `verify` do, for identities of `k_shot` examples.

    Args:
        cohort: the strangers that set the thresholds.
        matching: what knows the probability of a match; None: none is stated.
        doubtful: bool [M], the pictures that get no answer in any gallery.
        k_shot: examples of each identity.
    """
    latest: calibration.StrangerDraws | None = None

    def drawn(prototypes: Floats) -> calibration.StrangerDraws:
        nonlocal latest
        # Everything that is asked of one gallery shares its draws.
        if latest is None or latest.prototypes is not prototypes:
            keys = range(len(prototypes))
            latest = calibration.StrangerDraws.of(cohort, keys, prototypes, k_shot)
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
    )
