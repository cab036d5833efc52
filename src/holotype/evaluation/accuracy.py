"""Measure any function from an episode to scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError
from holotype.records import Episode, Report
from holotype.stats.half_width import half_width
from holotype.stats.scoring import Floats, prototypes, unit


def evaluate(
    scores: Callable[[Episode], NDArray[Any]],
    episodes: Iterable[Episode],
    *,
    protocol: str,
    n_query: int,
) -> Report:
    """Score every episode and report the accuracy.

    The function receives the episode without query labels and class ids. The class with the
    highest score is its answer; where t classes share the highest score, one of them at random
    would be right with probability 1 / t, and that is what the query counts, so the order of the
    classes helps nobody. The interval is 1.96 standard errors over the episodes.

    Args:
        scores: episode -> [Q, N], higher is better.
        episodes: at least two, all with the same numbers of classes, examples and queries.
        protocol: how the episodes were drawn, for the report.
        n_query: queries per class in each episode.

    Raises:
        DataError: fewer than two episodes, unequal or unlabeled ones, or scores that are not
            finite or not of shape [Q, N].
    """
    accuracies: list[float] = []
    seconds = 0.0
    shape: tuple[int, int, int] | None = None
    for number, episode in enumerate(episodes):
        if shape is None:
            shape = (episode.n_way, episode.k_shot, len(episode.query))
        _require_alike(episode, shape, n_query, number)
        assert episode.query_class is not None
        began = perf_counter()
        answer = np.asarray(scores(episode.unlabeled()))
        seconds += perf_counter() - began
        _require_scores(answer, (shape[2], shape[0]), number)
        accuracies.append(100.0 * float(np.mean(credit(answer, episode.query_class))))
    if shape is None or len(accuracies) < 2:
        raise DataError(
            f"episodes={len(accuracies)} gives no interval; at least 2 are needed",
            "Evaluate on more episodes",
        )
    per_episode = np.array(accuracies)
    return Report(
        protocol=protocol,
        n_way=shape[0],
        k_shot=shape[1],
        n_query=n_query,
        episodes=len(accuracies),
        accuracy=float(per_episode.mean()),
        ci95=float(half_width(per_episode)),
        per_episode=per_episode,
        seconds=seconds,
    )


def credit(scores: NDArray[Any], query_class: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each query counts: 1 / t where its class is among the t that score highest, else 0.

    Args:
        scores: [Q, N].
        query_class: [Q] in 0..N-1.

    Returns:
        float64 [Q] in [0, 1].
    """
    best = scores == scores.max(axis=1, keepdims=True)
    return np.asarray(best[np.arange(len(scores)), query_class] / best.sum(axis=1), np.float64)


def _require_alike(
    episode: Episode, shape: tuple[int, int, int], n_query: int, number: int
) -> None:
    if episode.query_class is None:
        raise DataError(
            f"episode {number} has no query labels",
            "Pass episodes as `evaluation.episodes` gives them",
        )
    found = (episode.n_way, episode.k_shot, len(episode.query))
    if found != shape or len(episode.query) != episode.n_way * n_query:
        raise DataError(
            f"episode {number} has {found[0]} classes, {found[1]} examples each and {found[2]} "
            f"queries; {shape[0]}, {shape[1]} and {shape[0] * n_query} are expected",
            "Evaluate episodes of one kind, with n_query counted per class",
        )


def _require_scores(scores: NDArray[Any], shape: tuple[int, int], number: int) -> None:
    if scores.shape != shape:
        raise DataError(
            f"the scores of episode {number} have shape {scores.shape}; "
            f"[Q, N] = {list(shape)} is expected",
            "Return one row per query and one column per class",
        )
    if not np.isfinite(scores).all():
        raise DataError(
            f"the scores of episode {number} are not finite",
            "Return a finite score for every query and class",
        )


def prototype_scores(episode: Episode) -> Floats:
    """Cosine similarity of each query embedding to each class prototype.

    The episode holds embeddings: support [N, K, D], query [Q, D]. Returns float32 [Q, N].
    """
    return unit(episode.query) @ prototypes(unit(episode.support)).T
