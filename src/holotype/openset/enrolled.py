"""The enrolled as impostors of one another: a threshold that needs no cohort.

Let N identities be enrolled with one example each, and let a stranger come whose class is
exchangeable with theirs. Then N + 1 classes are exchangeable. Give each of them, in the world of
all N + 1, the score that it reaches among the others: for the stranger that is A, its best
similarity to the enrolled, reached at identity i*. The score of i* is at least A, since the
stranger is among its others; that of any other identity i is the larger of L_i, what its example
reaches among the enrolled, and its similarity to the stranger, which is at most A. So at most
1 + 1 + #{i != i*: L_i >= A} of the N + 1 scores are as large as the stranger's: itself, i*, and
those. The rank of one of N + 1 exchangeable scores is at least uniform, hence

    accept when 2 + #{i != i*: L_i >= A} <= rate * (N + 1)

accepts a stranger with a probability of at most `rate` (full conformal prediction: Vovk, Gammerman
and Shafer 2005, chapter 2; for new classes Xie et al. 2025, arXiv 2510.13037). Nothing is assumed
of the network, the domain or the distribution, only that strangers are like the enrolled and
probes like the examples. It is an expectation over galleries and strangers; one gallery scatters.
The same rule bounds how many of the enrolled are taken for another: at most
floor(rate * (N + 1)) / N of them, on average, since L_i is what one reaches under a wrong name.

With several examples an identity, the prototypes of the enrolled rest on more examples than a
stranger could have shown. There the stranger and identity i are compared on the same references,
those of neither: i counts where L_i >= max over m != i of s(x, p_m), one example of each playing,
and a stranger is accepted when 1 + count <= rate * (N + 1) (jackknife+: Barber et al. 2021, at
most twice the rate in the worst case). That is an estimate, not a guarantee.

For a claim to be c the impostor meets p_c alone, as each other identity's example does: accept
when 1 + #{i != c: s(e_i, p_c) >= s(x, p_c)} <= rate * N. It holds for an impostor who claims at
random, not for one who chooses whom, nor for a forger.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.openset.scale import Doubles
from holotype.scoring import Floats

# Steps of 2^-22: products of two coordinates are multiples of 2^-44, and no partial sum of a
# product of two unit vectors needs more than the 53 bits of a float64. So every order of summation
# gives the same bits, and what was followed change by change equals what is computed at once.
_GRID = 2.0**22
_BLOCK_ROWS = 256
_UNKNOWN = -2


@dataclass(frozen=True, eq=False)
class EnrolledScores:
    """What each identity's example reaches among the others; made by `of`, then `follow`ed."""

    keys: tuple[Hashable, ...]  # [N]
    prototypes: Floats  # [N, D] unit
    players: Floats  # [N, D] unit, one example of each identity
    exact: bool  # whether each prototype is the one example, so that the rule is a guarantee
    best: Doubles  # [N] L_i; -inf where N = 1
    _owner: NDArray[np.int64]  # [N] who reaches it
    _second: Doubles  # [N] the best without that one
    _second_owner: NDArray[np.int64]  # [N]; -2: not known, since who reached it has left

    @classmethod
    def of(cls, keys: Sequence[Hashable], prototypes: Floats, players: Floats) -> EnrolledScores:
        """Play the enrolled against one another.

        Args:
            keys: N distinct ones.
            prototypes: float32 unit [N, D].
            players: float32 unit [N, D], an example of each.
        """
        rows = np.arange(len(prototypes))
        found = _top_two(players, rows, prototypes, rows)
        exact = players is prototypes or bool(np.array_equal(players, prototypes))
        return cls(tuple(keys), prototypes, players, exact, *found)

    def follow(
        self,
        keys: Sequence[Hashable],
        prototypes: Floats,
        players: Floats,
        difference: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> EnrolledScores:
        """The scores against the next state of the gallery, equal bit for bit to `of`.

        Args:
            keys: N' distinct ones.
            prototypes: float32 unit [N', D].
            players: float32 unit [N', D].
            difference: int64 [N], the next row of each of the present identities, -1 for one that
                leaves or changes, and the next rows that are none of these.
        """
        new_row, arrived = difference
        count = len(keys)
        if not len(self.keys) or 4 * len(arrived) > count:
            return self.of(keys, prototypes, players)
        stays = np.flatnonzero(new_row >= 0)
        rows = new_row[stays]
        same = (self.players[stays] == players[rows]).all(axis=1)
        stays, rows = stays[same], rows[same]
        best, second = np.full((2, count), -np.inf)
        owner, second_owner = np.full((2, count), _UNKNOWN, np.int64)
        best[rows], second[rows] = self.best[stays], self._second[stays]
        owner[rows] = _moved(self._owner[stays], new_row)
        second_owner[rows] = _moved(self._second_owner[stays], new_row)
        # Who has lost the best falls back on the second; who has lost both, or came, plays anew.
        fallen = (owner == _UNKNOWN) & (second_owner != _UNKNOWN)
        best[fallen], owner[fallen] = second[fallen], second_owner[fallen]
        second_owner[fallen] = _UNKNOWN
        anew = np.flatnonzero(owner == _UNKNOWN)
        (best[anew], owner[anew], second[anew], second_owner[anew]) = _top_two(
            players[anew], anew, prototypes, np.arange(count)
        )
        rest = np.flatnonzero(~np.isin(np.arange(count), anew))
        for at, value in zip(
            arrived.tolist(), _products(players[rest], prototypes[arrived]).T, strict=True
        ):
            _challenge(rest, value, at, best, owner, second, second_owner)
        exact = players is prototypes or bool(np.array_equal(players, prototypes))
        return EnrolledScores(
            tuple(keys), prototypes, players, exact, best, owner, second, second_owner
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def smallest_rate(self) -> float:
        """The smallest FPIR that the rule can keep; 1 where there is none.

        With several examples it could go down to half of it, but would then turn away each second
        of the enrolled, whose own example is as often nearer to another than the probe is.
        """
        return min(2 / (len(self) + 1), 1.0)

    @property
    def smallest_claim_rate(self) -> float:
        """The smallest FMR that the rule can keep for a claim."""
        return 1 / max(len(self), 1)

    def thresholds(self, rate: float) -> tuple[Floats, Floats]:
        """From which similarity each identity is accepted, at an FPIR of at least `smallest_rate`.

        Args:
            rate: at least `smallest_rate`.

        Returns:
            float32 [N] where the probe's runner-up is more alike to it than the identity's own
            example is to any other, and float32 [N] where it is not. Both are equal, and the
            guarantee's, with one example an identity.
        """
        allowed = ranks_allowed(rate, len(self) + 1)
        strict = self._beyond(allowed - 2)
        return (strict if self.exact else self._beyond(allowed - 1)), strict

    def claim_threshold(self, claim: int, rate: float) -> np.float32:
        """From which similarity a claim is accepted, at an FMR of at least `smallest_claim_rate`.

        Args:
            claim: the identity.
            rate: at least `smallest_claim_rate`.
        """
        reached = np.sort(self.reached(claim))[::-1]
        return exceed(reached, ranks_allowed(rate, len(self)) - 1)

    def reached(self, claim: int) -> Doubles:
        """What the others' examples reach when they claim to be that one: float64 [N - 1]."""
        others = np.delete(np.arange(len(self)), claim)
        return _products(self.players[others], self.prototypes[claim : claim + 1])[:, 0]

    def among(self, some: slice) -> Doubles:
        """Similarities of the examples of some identities to the prototypes of each other.

        Args:
            some: of n rows.

        Returns:
            float64 [n, n]; the mean of both directions.
        """
        similarity = _products(self.players[some], self.prototypes[some])
        return np.asarray((similarity + similarity.T) / 2)

    def _beyond(self, allowed: int) -> Floats:
        """What is beyond all but `allowed` of the others' scores: float32 [N]."""
        order = np.argsort(-self.best, kind="stable")
        ranked = self.best[order]
        result = np.full(len(self), exceed(ranked, allowed), np.float32)
        # One's own score does not count: who is among the first meets the next one.
        result[order[: allowed + 1]] = exceed(ranked, allowed + 1)
        return result


def ranks_allowed(rate: float, classes: int) -> int:
    """How many of so many exchangeable scores may be as large as the one that is accepted."""
    # The small term keeps 0.1 * 30 from becoming 2 by rounding.
    return math.floor(rate * classes + 1e-9)


def exceed(ranked: Doubles, place: int) -> np.float32:
    """The smallest float32 above the score at a place, 0 the highest; -1 where there is none."""
    if place >= len(ranked) or ranked[place] == -np.inf:
        return np.float32(-1)
    above: np.float32 = np.nextafter(np.float32(ranked[place]), np.float32(np.inf))
    return above


def _moved(owner: NDArray[np.int64], new_row: NDArray[np.int64]) -> NDArray[np.int64]:
    moved = np.where(owner >= 0, new_row[owner], owner)
    return np.where(moved < 0, _UNKNOWN, moved)


def _products(left: Floats, right: Floats) -> Doubles:
    grid = [np.rint(vectors.astype(np.float64) * _GRID) / _GRID for vectors in (left, right)]
    return np.asarray(grid[0] @ grid[1].T)


def _top_two(
    players: Floats,
    own: NDArray[np.int64],
    prototypes: Floats,
    rows: NDArray[np.int64],
) -> tuple[Doubles, NDArray[np.int64], Doubles, NDArray[np.int64]]:
    """Of each player the two most alike prototypes, its own identity's left out."""
    best, second = np.full((2, len(players)), -np.inf)
    owner, second_owner = np.full((2, len(players)), _UNKNOWN, np.int64)
    for start in range(0, len(players), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        similarity = _products(players[block], prototypes)
        at = np.arange(len(similarity))
        similarity[at, own[block]] = -np.inf
        for values, owners in ((best, owner), (second, second_owner)):
            top = similarity.argmax(axis=1)
            values[block] = similarity[at, top]
            owners[block] = np.where(np.isfinite(values[block]), rows[top], _UNKNOWN)
            similarity[at, top] = -np.inf
    return best, owner, second, second_owner


def _challenge(
    rows: NDArray[np.int64],
    value: Doubles,
    challenger: int,
    best: Doubles,
    owner: NDArray[np.int64],
    second: Doubles,
    second_owner: NDArray[np.int64],
) -> None:
    """Let one identity that came try for the first and the second place, in place."""
    first = value > best[rows]
    wins = rows[first]
    second[wins], second_owner[wins] = best[wins], owner[wins]
    best[wins], owner[wins] = value[first], challenger
    next_best = ~first & (second_owner[rows] != _UNKNOWN) & (value > second[rows])
    second[rows[next_best]], second_owner[rows[next_best]] = value[next_best], challenger
