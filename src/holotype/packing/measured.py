"""What a pack does on classes that no part of it has seen: the figures for its card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from holotype import report
from holotype.datasets.catalogue import Dataset
from holotype.evaluation.accuracy import evaluate, prototype_scores
from holotype.evaluation.episodes import episodes, sample
from holotype.evaluation.open_set import RATES
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import Pack, add_scores, strangers_in_words
from holotype.records import OnProgress
from holotype.stats.scoring import Floats

_EPISODES = 1000
_GALLERIES = 15
_WAYS = (5, 20)
_MOST_QUERIES = 15
_SPARE = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The one-shot and the open-set test of a pack."""

    scores: list[dict[str, Any]]  # for `Card.scores`
    promise: list[dict[str, Any]]  # for `Card.promise`
    smallest_rate: float  # that can be promised for a gallery of all these classes; 1 if none
    proof: report.Proof


def measure(
    pack: Pack, held_out: Dataset, seed: int, progress: OnProgress | None = None
) -> Measured:
    """Put a pack to the test, embedding every picture once.

    Args:
        pack: whose cohort sets the thresholds.
        held_out: classes that are neither its background nor its cohort: three or more, of two
            pictures or more.
        seed: which episodes and galleries are drawn.
        progress: called with what is done, how much, and of how much.

    Raises:
        DataError: too few classes or pictures.
        ImageError: a picture cannot be read or shows nothing.
    """
    model = CohortModel.of(Cohort(*pack.cohort()), pack.background())
    embeddings, doubtful = report.seen(held_out, pack, progress)
    first = _first_of_each(embeddings, held_out)
    smallest = Matcher.of(model, first).smallest_rate()
    # The galleries that are measured have half as many, whose own tail reaches less far.
    supported = Matcher.of(model, first[: len(first) // 2]).smallest_rate()
    proof = report.prove(
        held_out,
        embeddings,
        partial(Matcher.of_support, model),
        doubtful=doubtful,
        model=pack.card.name,
        model_id=pack.card.model_id,
        galleries=_GALLERIES,
        rates=_rates(supported),
        seed=seed,
        cohort=strangers_in_words(pack.card),
        progress=progress,
    )
    date = proof.date[:10]
    return Measured(
        scores=_scores(embeddings, held_out, seed, date),
        promise=[
            {
                "data": held_out.name,
                "date": date,
                "enrolled": tested.enrolled,
                "strangers": tested.strangers,
                "examples": tested.k_shot,
                **row.to_json(),
            }
            for tested in proof.reports
            for row in tested.identification
        ],
        smallest_rate=smallest,
        proof=proof,
    )


def put_to_the_test(
    pack: Pack, held_out: Dataset, seed: int, progress: OnProgress | None = None
) -> tuple[Measured, tuple[Path, ...]]:
    """Measure a pack, note the figures in its card, and write the report beside it.

    Args:
        pack: in a folder that can be written.
        held_out: as for `measure`.
        seed: likewise.
        progress: likewise.

    Returns:
        What was measured, and the paths of the report.

    Raises:
        DataError: too few classes or pictures.
        ImageError: a picture cannot be read or shows nothing.
        PackError: the pack cannot be written.
    """
    measured = measure(pack, held_out, seed, progress)
    add_scores(pack.path, measured.scores, measured.promise)
    return measured, report.write_report(measured.proof, report_path(pack.path))


def report_path(pack: Path) -> Path:
    """Where the report about a pack lies: beside it."""
    return pack.with_name(f"{pack.name}-report.html")


def _scores(embeddings: Floats, held_out: Dataset, seed: int, date: str) -> list[dict[str, Any]]:
    dataset = held_out.with_images(embeddings)
    classes = len(held_out.class_names)
    n_query = min(_MOST_QUERIES, int(np.bincount(held_out.class_index).min()) - 1)
    scores = []
    for n_way in sorted({min(n_way, classes) for n_way in _WAYS}):
        drawn = sample(
            dataset, n_way=n_way, k_shot=1, n_query=n_query, episodes=_EPISODES, seed=seed
        )
        result = evaluate(
            prototype_scores,
            episodes(embeddings, drawn),
            protocol="held-out classes",
            n_query=n_query,
        )
        scores.append({**result.to_json(), "data": held_out.name, "date": date})
    return scores


def _rates(smallest: float) -> tuple[float, ...]:
    """The usual rates; where a small cohort can promise none of them, one that it can as well."""
    if not max(RATES) < smallest < 1:
        return RATES
    # Galleries differ in what they support; a little more than this one needs, in whole percent.
    return (*RATES, min(0.5, math.ceil(100 * _SPARE * smallest) / 100))


def _first_of_each(embeddings: Floats, held_out: Dataset) -> Floats:
    _, first = np.unique(held_out.class_index, return_index=True)
    return embeddings[first]
