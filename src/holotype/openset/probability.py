"""How probable it is that the best candidate is the right one, given how alike it is.

A likelihood ratio (Ramos and Gonzalez-Rodriguez 2013) of two distributions of the best
similarity: what the right identity reaches, learned from the cohort's own classes, and what the
wrong ones reach, from the impostors' scores against this gallery.

A threshold has to hold for impostors of the enrolled's own origins; a probability has to come true
for whoever comes. So here half of the impostors have relatives among the enrolled, as many as the
enrolled have among themselves, and half have none. That was chosen on alphabets which had trained
nothing, with impostors from the alphabets of the enrolled and from others: relatives for all, or
for none, was farther off when both count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.openset.cohort import Cohort
from holotype.openset.impostors import ImpostorScores
from holotype.openset.scale import MAX_NEGATIVE_LOG, Doubles, negative_log_distance
from holotype.openset.site import Impostors
from holotype.stats.scoring import unit

_MAX_EXAMPLES = 10
_ROUNDS = 4  # how often each cohort item meets other examples of its class
_GRID = np.linspace(-math.log(2), MAX_NEGATIVE_LOG, 2048)
_STEP = float(_GRID[1] - _GRID[0])
# So much of each density is spread over the whole range: nothing is impossible.
_ANYTHING = 1e-3
_RELATED = 0.5  # of the impostors have relatives among the enrolled

_Scores = ImpostorScores | Impostors


@dataclass(frozen=True, eq=False)
class MatchProbability:
    """Made by `fit`; answers for any gallery of the same model."""

    cohort: Cohort
    most: int  # examples that the cohort's classes allow beside a probe, at most 10
    # By the number of examples, filled as galleries have them.
    _similarities: dict[int, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    _genuine: dict[int, Doubles] = field(default_factory=dict, repr=False)
    _curves: WeakKeyDictionary[_Scores, dict[tuple[int, float], Doubles]] = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    def __reduce__(self) -> tuple[type[MatchProbability], tuple[Cohort, int]]:
        """Pickled without what it worked out: that is of other objects, by their identity."""
        return MatchProbability, (self.cohort, self.most)

    @classmethod
    def fit(cls, cohort: Cohort) -> MatchProbability | None:
        """Prepare for a cohort; None where no class of it has two items to compare."""
        if not len(cohort):
            return None
        largest = int(np.bincount(np.unique(cohort.class_index, return_inverse=True)[1]).max())
        return cls(cohort, min(largest - 1, _MAX_EXAMPLES)) if largest > 1 else None

    def probability(
        self, similarity: float, examples: int, impostors: _Scores, impostor_prior: float
    ) -> float:
        """As `probabilities`, of one probe."""
        one = np.array(similarity)
        return float(self.probabilities(one, examples, impostors, impostor_prior))

    def probabilities(
        self,
        similarity: NDArray[np.floating],
        examples: int,
        impostors: _Scores,
        impostor_prior: float,
    ) -> Doubles:
        """The probability that the best candidate is who the probe shows.

        Args:
            similarity: [...] of the best candidate, in [-1, 1].
            examples: how many that identity has.
            impostors: their scores against the gallery (their `claim` for one claimed identity).
            impostor_prior: the share of impostors that is expected among the probes, in [0, 1].

        Returns:
            float64 [...] in [0, 1]; it never falls as the similarity rises. That an enrolled person
            is beaten by another identity counts as wrong.

        Raises:
            RateError: the prior is not in [0, 1].
        """
        if not 0 <= impostor_prior <= 1:  # also for NaN
            raise RateError(
                f"stranger_prior={impostor_prior} is not between 0 and 1",
                "State the share of impostors that you expect among the probes, such as 0.5",
            )
        if not impostors.keys:
            return np.zeros(similarity.shape)
        curves = self._curves.setdefault(impostors, {})
        key = (min(max(examples, 1), self.most), impostor_prior)
        if key not in curves:
            curves[key] = self._curve(impostors, *key)
        return np.asarray(np.interp(negative_log_distance(similarity), _GRID, curves[key]))

    def genuine_quantile(self, share: float, examples: int) -> float:
        """What that share of pictures do not reach against other examples of their own class.

        Args:
            share: in [0, 1].
            examples: how many examples they are compared with, at least 1.

        Returns:
            A similarity in [-1, 1], measured on the cohort's classes.
        """
        genuine = self._genuine_similarity(min(max(examples, 1), self.most))
        return float(np.quantile(genuine, share))

    def genuine_below(
        self, similarity: NDArray[np.floating], examples: NDArray[np.int64]
    ) -> Doubles:
        """The share of pictures of one class that stay below, measured on the cohort's classes.

        Args:
            similarity: [N] in [-1, 1].
            examples: [N], how many examples each is compared with, at least 1.

        Returns:
            float64 [N] in [0, 1].
        """
        result = np.empty(len(similarity))
        counts = np.clip(examples, 1, self.most)
        for count in np.unique(counts).tolist():
            genuine = np.sort(self._genuine_similarity(count))
            at = counts == count
            result[at] = np.searchsorted(genuine, similarity[at]) / len(genuine)
        return result

    def _curve(self, impostors: _Scores, examples: int, prior: float) -> Doubles:
        if examples not in self._genuine:
            self._genuine[examples] = _density(self._genuine_similarity(examples))
        right, related = self._genuine[examples], _density(impostors.values)
        impostor = _RELATED * related + (1 - _RELATED) * _density(impostors.without_related)
        right_below, related_below = _below(right), _below(related)
        # An enrolled probe meets one rival less than an impostor, and its relatives for certain.
        rivals = (len(impostors.keys) - 1) / len(impostors.keys)
        rival_below = related_below**rivals
        rival = rivals * related * related_below ** (rivals - 1)
        found = (1 - prior) * right * rival_below
        beaten = (1 - prior) * right_below * rival
        # Estimates waver where both densities are thin; more alike must not mean less probable.
        return _never_falling(found, found + beaten + prior * impostor)

    def _genuine_similarity(self, examples: int) -> NDArray[np.float32]:
        """Items of the cohort against prototypes of other examples of their class."""
        if examples not in self._similarities:
            self._similarities[examples] = self._measured(examples)
        return self._similarities[examples]

    def _measured(self, examples: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(0)
        vectors = self.cohort.embeddings
        _, member = np.unique(self.cohort.class_index, return_inverse=True)
        size = np.bincount(member)
        first = np.cumsum(size) - size
        result = []
        for _ in range(_ROUNDS):
            # Each class in a circle of random order; an item's examples are the next ones.
            circle = rng.permutation(len(vectors))
            circle = circle[np.argsort(member[circle], kind="stable")]
            place = np.arange(len(vectors)) - first[member[circle]]
            able = np.flatnonzero(size[member[circle]] > examples)
            start, length = first[member[circle[able]]], size[member[circle[able]]]
            total = np.zeros((len(able), vectors.shape[1]), dtype=np.float32)
            for step in range(1, examples + 1):
                total += vectors[circle[start + (place[able] + step) % length]]
            result.append((unit(total) * vectors[circle[able]]).sum(axis=1))
        return np.concatenate(result)


def _density(similarity: NDArray[np.floating]) -> Doubles:
    """Kernel density estimate on `_GRID` (Silverman 1986, section 3.4.2)."""
    where = negative_log_distance(similarity)
    spread = min(float(where.std()), float(np.subtract(*np.quantile(where, [0.75, 0.25]))) / 1.34)
    width = max(0.9 * spread * len(where) ** -0.2, 2 * _STEP)
    count = np.bincount(
        np.clip(np.rint((where - _GRID[0]) / _STEP), 0, len(_GRID) - 1).astype(np.int64),
        minlength=len(_GRID),
    ).astype(np.float64)
    reach = min(int(4 * width / _STEP) + 1, len(_GRID) // 2)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _STEP / width) ** 2)
    smooth = np.convolve(count, kernel, mode="same")
    smooth /= smooth.sum() * _STEP
    return (1 - _ANYTHING) * smooth + _ANYTHING / (len(_GRID) * _STEP)


def _below(density: Doubles) -> Doubles:
    """The distribution function, strictly inside (0, 1]."""
    return np.minimum(np.cumsum(density) * _STEP, 1.0)


def _never_falling(part: Doubles, whole: Doubles) -> Doubles:
    """The non-decreasing curve nearest to part / whole, weighted by whole.

    Pool adjacent violators (Barlow et al. 1972): neighbors that fall are merged.
    """
    parts: list[float] = []
    wholes: list[float] = []
    lengths: list[int] = []
    for a, b in zip(part.tolist(), whole.tolist(), strict=True):
        length = 1
        while parts and parts[-1] * b >= a * wholes[-1]:
            a, b, length = parts.pop() + a, wholes.pop() + b, lengths.pop() + length
        parts.append(a)
        wholes.append(b)
        lengths.append(length)
    return np.repeat(np.divide(parts, wholes), lengths)
