"""A model pack, put to the open-set test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from holotype import calibration
from holotype.embedder import Embedder
from holotype.pack import Pack
from holotype.report.proof import Progress, Proof, data_for, embed_all, prove
from holotype.scoring import Floats
from holotype.tasks.open_set import RATES, Decide


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
    """Measure what a pack's promise is worth on a data set, with the thresholds of `identify`.

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
    return prove(
        dataset,
        embed_all(dataset, Embedder(pack).embed, progress),
        partial(decider, calibration.Cohort(*pack.cohort())),
        model=pack.card.name,
        model_id=pack.card.model_id,
        k_shots=k_shots,
        enrolled=enrolled,
        galleries=galleries,
        rates=rates,
        seed=seed,
        progress=progress,
    )


def decider(cohort: calibration.Cohort, k_shot: int) -> Decide:
    """The thresholds that a cohort sets, as `identify` does for identities of `k_shot` examples.

    For 1:1, the claimed identity stands alone; `verify` also looks at who else is enrolled.

    Returns:
        (prototypes [N, D], rate) -> the smallest accepted similarity.
    """
    latest: calibration.StrangerDraws | None = None

    def decide(prototypes: Floats, rate: float) -> float:
        nonlocal latest
        # All rates of one gallery share its draws.
        if latest is None or latest.prototypes is not prototypes:
            keys = range(len(prototypes))
            latest = calibration.StrangerDraws.of(cohort, keys, prototypes, k_shot)
        return latest.threshold(rate, "fpir")

    return decide
