"""What impostors of each kind reach against a gallery, counted over one axis of similarity."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from holotype.openset import Evidence
from holotype.openset.drift import counted_probes
from holotype.recognizer.achievable_rates import drift, known_rates
from holotype.recognizer.recognizer import Recognizer
from holotype.records import ScoreHistogram, Scores, ScoreSource

_BINS = 30
_STEP = 0.05  # between which multiples the axis runs
_FEW = 3  # of fewer enrolled a histogram would show no more than one pair


def scores(recognizer: Recognizer) -> Scores:
    """What the enrolled, strangers and probes reach, and from where each rate accepts.

    Args:
        recognizer: whose gallery it is; the probes are those since it was opened.

    Raises:
        GalleryError: the gallery cannot be read.
    """
    state = recognizer.state
    evidence, rates = state.matcher.evidence, known_rates(state.matcher)
    count = len(evidence.enrolled)
    if count < _FEW:
        return Scores(count, (), (), rates, drift(recognizer))
    found = list(_found(recognizer, evidence))
    ends = [one.threshold for one in rates if one.threshold is not None]
    ends += [float(end) for _, _, reached in found for end in (reached.min(), reached.max())]
    high = min(math.ceil(max(ends) / _STEP) * _STEP, 1.0)
    low = max(min(math.floor(min(ends) / _STEP) * _STEP, high - _STEP), -1.0)
    edges = np.linspace(low, high, _BINS + 1)
    return Scores(
        count,
        tuple(edges.tolist()),
        tuple(_counted(source, number, reached, edges) for source, number, reached in found),
        rates,
        drift(recognizer),
    )


def _found(
    recognizer: Recognizer, evidence: Evidence
) -> Iterator[tuple[ScoreSource, int, NDArray[np.floating]]]:
    """Each kind that there is: how many people or things, and their scores."""
    enrolled, impostors = evidence.enrolled, evidence.impostors
    yield "enrolled", len(enrolled.rows), enrolled.best
    if impostors.site_classes:
        yield "site", impostors.site_classes, impostors.site.best
    if classes := impostors.cohort.cohort.classes:
        yield "cohort", classes, impostors.cohort.values
    if (visitors := evidence.visitors) is not None:
        yield "unlabeled", visitors.visitors, visitors.evidence.scores
    asked = counted_probes(enrolled, recognizer.last)
    if len(asked):
        yield "asked", len(asked), asked[:, 1]


def _counted(
    source: ScoreSource, count: int, reached: NDArray[np.floating], edges: NDArray[np.float64]
) -> ScoreHistogram:
    # Who is enrolled twice reaches 1 and a rounding error.
    inside = np.clip(reached.astype(np.float64), edges[0], edges[-1])
    shares = np.histogram(inside, edges)[0] / len(inside)
    median, tenth, highest = np.quantile(inside, (0.5, 0.9, 1)).tolist()
    return ScoreHistogram(source, count, tuple(shares.tolist()), median, tenth, highest)
