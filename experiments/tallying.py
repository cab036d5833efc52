"""Galleries played again and again: what the Matcher answers, counted class by class."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.openset import Matcher, Matches
from holotype.openset.matcher import Compared
from holotype.stats.bootstrap import share

Rows = NDArray[np.int64]


class Tally:
    """The answers of many galleries at one rate.

    Args:
        rate: the stated one; None: nobody states any.
        classes: C, of which enrolled and strangers are.
    """

    def __init__(self, rate: float | None, classes: int) -> None:
        self.rate = rate
        self.refused: list[float] = []  # the smallest rates of galleries that refuse it
        self.bases: Counter[str] = Counter()  # what the thresholds of the galleries rest on
        self.thresholds: list[float] = []  # their means, one a gallery
        self.strangers, self.accepted, self.known = np.zeros((3, classes))
        self.missed, self.misnamed, self.unsure = np.zeros((3, classes))  # of the enrolled

    def add(
        self,
        matcher: Matcher,
        compared: Compared,
        enrolled: Rows,
        of_class: Rows,
        doubtful: NDArray[np.bool_] | None = None,
    ) -> None:
        """Let a gallery answer: enrolled [N], the class of each identity, and of_class [B]."""
        try:
            found = matcher.decide(compared, self.rate, doubtful)
        except RateError as error:
            self.refused.append(1.0 if error.smallest is None else error.smallest)
            return
        if self.rate is not None and found.basis == "default":  # the same at every rate
            self.refused.append(matcher.smallest_rate())
            return
        self.bases[found.basis] += 1
        self.thresholds.append(float(found.thresholds.mean()))
        self.count(found, enrolled, of_class)

    def count(self, found: Matches, enrolled: Rows, of_class: Rows) -> None:
        """Count the answers to B probes; who cannot be told is missed, and is not let in."""
        known = np.isin(of_class, enrolled)
        right = found.match & (enrolled[found.best] == of_class)
        for counts, mask in (
            (self.strangers, ~known),
            (self.accepted, ~known & found.match),
            (self.known, known),
            (self.missed, known & ~right),
            (self.misnamed, known & found.match & ~right),
            (self.unsure, known & found.cannot_tell),
        ):
            counts += np.bincount(of_class[mask], minlength=len(counts))

    def fpir(self, some: slice = slice(None)) -> dict[str, Any] | None:
        """The share of strangers who were let in, of some classes; None where none was asked."""
        return _share(self.accepted[some], self.strangers[some])

    def fnir(self) -> dict[str, Any] | None:
        """The share of the enrolled who were missed; None where none was asked."""
        return self.of_known(self.missed)

    def of_known(self, hits: NDArray[np.float64]) -> dict[str, Any] | None:
        """A share of the probes of the enrolled: `missed`, `misnamed` or `unsure`."""
        return _share(hits, self.known)


def by_constant(found: Matches, level: float) -> Matches:
    """The contrast, and no rule of ours: whoever reaches one constant similarity is a match.

    With -1, the plain nearest neighbor.
    """
    nobody = np.zeros(len(found), np.bool_)
    accepted = found.compared.similarity[:, 0] >= level
    return replace(found, accepted=accepted, doubtful=nobody, tied=nobody, unfamiliar=nobody)


def _share(hits: NDArray[np.float64], trials: NDArray[np.float64]) -> dict[str, Any] | None:
    return share(hits, trials).to_json() if trials.any() else None
