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

Exchangeable are also the stranger and any part of the enrolled that was not picked by its vectors.
So in a large gallery a part of them plays, chosen by a hash of their keys: S take the place of N,
and i* counts where it is one of them. The guarantee stays, and what it costs does not grow with N
squared.

For a claim to be c the impostor meets p_c alone, as each other identity's example does: accept
when 1 + #{i != c: s(e_i, p_c) >= s(x, p_c)} <= rate * N. It holds for an impostor who claims at
random, not for one who chooses whom, nor for a forger.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.openset.scale import Doubles
from holotype.stats.scoring import Floats

# Steps of 2^-22: products of two coordinates are multiples of 2^-44, and no partial sum of a
# product of two unit vectors needs more than the 53 bits of a float64. So every order of summation
# gives the same bits, and what was followed change by change equals what is computed at once.
_GRID = 2.0**22
_FIRST_ROWS, _BLOCK_ROWS = 1024, 16384  # prototypes that are looked at together
# So many of the enrolled play: 0.2 % is within the reach of their ranks.
_MAX_EXEMPLARS = 1024
_UNKNOWN = -2


@dataclass(frozen=True, eq=False)
class EnrolledScores:
    """What each identity's example reaches among the others; made by `of`, then `follow`ed."""

    keys: tuple[Hashable, ...]  # [N]
    prototypes: Floats  # [N, D] unit
    exemplars: Floats  # [N, D] unit, one example of each identity
    exact: bool  # whether each prototype is the one example, so that the rule is a guarantee
    _digests: NDArray[np.uint32]  # [N] of the keys
    rows: NDArray[np.int64]  # [S] the identities that play, in ascending order
    best: Doubles  # [S] L_i; -inf where N = 1
    _owner: NDArray[np.int64]  # [S] who reaches it
    _second: Doubles  # [S] the best without that one
    _second_owner: NDArray[np.int64]  # [S]; -2: not known, since who reached it has left

    @classmethod
    def of(cls, keys: Sequence[Hashable], prototypes: Floats, exemplars: Floats) -> EnrolledScores:
        """Play the enrolled against one another.

        Args:
            keys: N distinct ones.
            prototypes: float32 unit [N, D].
            exemplars: float32 unit [N, D], an example of each.
        """
        keys = tuple(keys)
        digests = _digests(keys)
        rows = _playing(digests)
        found = _top_two(exemplars[rows], rows, prototypes)
        exact = _same(exemplars, prototypes)
        return cls(keys, prototypes, exemplars, exact, digests, rows, *found)

    def follow(
        self,
        keys: Sequence[Hashable],
        prototypes: Floats,
        exemplars: Floats,
        difference: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> EnrolledScores:
        """The scores against the next state of the gallery, equal bit for bit to `of`.

        Args:
            keys: N' distinct ones.
            prototypes: float32 unit [N', D].
            exemplars: float32 unit [N', D].
            difference: int64 [N], the next row of each of the present identities, -1 for one that
                leaves or changes, and the next rows that are none of these.
        """
        new_row, arrived = difference
        keys = tuple(keys)
        if not (self.keys and keys) or 4 * len(arrived) > len(keys):
            return self.of(keys, prototypes, exemplars)
        stays = new_row >= 0
        digests = np.empty(len(keys), np.uint32)
        digests[new_row[stays]] = self._digests[stays]
        digests[arrived] = _digests([keys[at] for at in arrived.tolist()])
        rows = _playing(digests)
        # Who plays before and after, with the same example: [n] of the S, and of the S'.
        place = np.full(len(keys), -1)
        place[rows] = np.arange(len(rows))
        after = np.where(new_row[self.rows] >= 0, place[new_row[self.rows]], -1)
        before = np.flatnonzero(after >= 0)
        same = (self.exemplars[self.rows[before]] == exemplars[rows[after[before]]]).all(axis=1)
        before, after = before[same], after[before][same]
        best, second = np.full((2, len(rows)), -np.inf)
        owner, second_owner = np.full((2, len(rows)), _UNKNOWN, np.int64)
        best[after], second[after] = self.best[before], self._second[before]
        owner[after] = _moved(self._owner[before], new_row)
        second_owner[after] = _moved(self._second_owner[before], new_row)
        # Who has lost the best falls back on the second; who has lost both, or came, plays anew.
        fallen = (owner == _UNKNOWN) & (second_owner != _UNKNOWN)
        best[fallen], owner[fallen] = second[fallen], second_owner[fallen]
        second_owner[fallen] = _UNKNOWN
        anew = owner == _UNKNOWN
        (best[anew], owner[anew], second[anew], second_owner[anew]) = _top_two(
            exemplars[rows[anew]], rows[anew], prototypes
        )
        rest = np.flatnonzero(~anew)
        challenges = _products(exemplars[rows[rest]], prototypes[arrived])
        for at, value in zip(arrived.tolist(), challenges.T, strict=True):
            _challenge(rest, value, at, best, owner, second, second_owner)
        exact = _same(exemplars, prototypes)
        return EnrolledScores(
            keys, prototypes, exemplars, exact, digests, rows, best, owner, second, second_owner
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def smallest_rate(self) -> float:
        """The smallest FPIR that the rule can keep; 1 where there is none.

        With several examples it could go down to half of it, but would then turn away each second
        of the enrolled, whose own example is as often nearer to another than the probe is.
        """
        return min(2 / (len(self.rows) + 1), 1.0)

    @property
    def smallest_claim_rate(self) -> float:
        """The smallest FMR that the rule can keep for a claim."""
        return 1 / max(len(self.rows), 1)

    @property
    def closest(self) -> tuple[int, int] | None:
        """The two identities that are most alike; None of fewer than two."""
        if len(self) < 2:
            return None
        first = int(self.best.argmax())
        return first, int(self._owner[first])

    def thresholds(self, rate: float) -> tuple[Floats, Floats]:
        """From which similarity each identity is accepted, at an FPIR of at least `smallest_rate`.

        Args:
            rate: at least `smallest_rate`.

        Returns:
            float32 [N] where the probe's runner-up is more alike to it than the identity's own
            example is to any other, and float32 [N] where it is not. Both are equal, and the
            guarantee's, with one example an identity.
        """
        allowed = ranks_allowed(rate, len(self.rows) + 1)
        strict = self._beyond(allowed - 2)
        return (strict if self.exact else self._beyond(allowed - 1)), strict

    def claim_threshold(self, claim: int, rate: float) -> np.float32:
        """From which similarity a claim is accepted, at an FMR of at least `smallest_claim_rate`.

        Args:
            claim: the identity.
            rate: at least `smallest_claim_rate`.
        """
        reached = np.sort(self.reached(claim))[::-1]
        return exceed(reached, ranks_allowed(rate, len(reached) + 1) - 1)

    def reached(self, claim: int) -> Doubles:
        """What the other exemplars reach when they claim to be that one: float64 [S], or S - 1."""
        others = self.rows[self.rows != claim]
        return _products(self.exemplars[others], self.prototypes[claim : claim + 1])[:, 0]

    def among(self, some: slice) -> Doubles:
        """Similarities of the examples of some identities to the prototypes of each other.

        Args:
            some: of n rows.

        Returns:
            float64 [n, n]; the mean of both directions.
        """
        similarity = _products(self.exemplars[some], self.prototypes[some])
        return np.asarray((similarity + similarity.T) / 2)

    @property
    def own_best(self) -> Doubles:
        """What each identity's own example reaches: float64 [N]; inf of one that does not play."""
        result = np.full(len(self), np.inf)
        result[self.rows] = self.best
        return result

    @property
    def second_best(self) -> Doubles:
        """What examples reach at their second best among the others: float64 [n], n at most S.

        Left out is whose second best is not known at present, since who reached it has left.
        """
        return np.asarray(self._second[self._second_owner != _UNKNOWN])

    def _beyond(self, allowed: int) -> Floats:
        """What is beyond all but `allowed` of the others' scores: float32 [N]."""
        order = np.argsort(-self.best, kind="stable")
        ranked = self.best[order]
        # Who does not play is not counted, and may let one more pass.
        result = np.full(len(self), exceed(ranked, allowed + 1), np.float32)
        result[self.rows] = exceed(ranked, allowed)
        # One's own score does not count: who is among the first meets the next one.
        result[self.rows[order[: allowed + 1]]] = exceed(ranked, allowed + 1)
        return result


def _digests(keys: Sequence[Hashable]) -> NDArray[np.uint32]:
    return np.array([zlib.crc32(repr(key).encode()) for key in keys], np.uint32)


def _playing(digests: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Whose digests are the smallest; of equal ones the first."""
    if len(digests) <= _MAX_EXEMPLARS:
        return np.arange(len(digests))
    last = np.partition(digests, _MAX_EXEMPLARS - 1)[_MAX_EXEMPLARS - 1]
    below, equal = np.flatnonzero(digests < last), np.flatnonzero(digests == last)
    return np.sort(np.append(below, equal[: _MAX_EXEMPLARS - len(below)]))


def _same(exemplars: Floats, prototypes: Floats) -> bool:
    return exemplars is prototypes or bool(np.array_equal(exemplars, prototypes))


def ranks_allowed(rate: float, classes: int) -> int:
    """How many of so many exchangeable scores may be as large as the one that is accepted."""
    # The small term keeps 0.1 * 30 from becoming 2 by rounding.
    return math.floor(rate * classes + 1e-9)


def classes_needed(rate: float, taken: int) -> int:
    """Of how many exchangeable scores so many are at most the stated share.

    Args:
        rate: in (0, 1).
        taken: the fewest that the rule counts: 1 of own strangers, 2 of the enrolled.

    Returns:
        The classes with the stranger among them.
    """
    return math.ceil(taken / rate - 1e-9)


def exceed(ranked: Doubles, place: int) -> np.float32:
    """The smallest float32 above the score at a place, 0 the highest; -1 where there is none."""
    if place >= len(ranked) or ranked[place] == -np.inf:
        return np.float32(-1)
    above: np.float32 = np.nextafter(np.float32(ranked[place]), np.float32(np.inf))
    return above


def _moved(owner: NDArray[np.int64], new_row: NDArray[np.int64]) -> NDArray[np.int64]:
    moved = np.where(owner >= 0, new_row[np.maximum(owner, 0)], owner)
    return np.where(moved < 0, _UNKNOWN, moved)


def _products(left: Floats, right: Floats) -> Doubles:
    grid = [np.rint(vectors.astype(np.float64) * _GRID) / _GRID for vectors in (left, right)]
    return np.asarray(grid[0] @ grid[1].T)


def _top_two(
    exemplars: Floats, own: NDArray[np.int64], prototypes: Floats
) -> tuple[Doubles, NDArray[np.int64], Doubles, NDArray[np.int64]]:
    """Of each player the two most alike prototypes, its own identity's left out.

    Of equals the first. A product of float32 tells which prototypes might be among the two of
    anybody, and only theirs are computed on the grid.
    """
    found = np.full((len(exemplars), 2), -np.inf)
    owners = np.full((len(exemplars), 2), _UNKNOWN, np.int64)
    # Each of D products and sums rounds by 2^-24 at most, and each coordinate by 2^-23 to the grid
    # (Higham 2002, section 3.1); with room for vectors that are a thousandth longer than 1.
    dim = prototypes.shape[1]
    error = (dim + 2 * math.sqrt(dim) + 2) * 2.0**-23
    start = 0
    while start < len(prototypes) and len(exemplars):
        stop = start + min(max(start, _FIRST_ROWS), _BLOCK_ROWS)
        at = np.arange(start, min(stop, len(prototypes)))
        if start:
            level = (found[:, 1:] - error).astype(np.float32)
            rough = exemplars @ prototypes[start:stop].T
            at = at[(rough >= np.nextafter(level, np.float32(-2))).any(axis=0)]
        similarity = _products(exemplars, prototypes[at])
        similarity[own[:, None] == at] = -np.inf
        values = np.hstack([found, similarity])
        names = np.hstack([owners, np.broadcast_to(at, similarity.shape)])
        rows = np.arange(len(values))
        for place in range(2):
            top = values.argmax(axis=1)
            found[:, place] = values[rows, top]
            owners[:, place] = np.where(np.isfinite(found[:, place]), names[rows, top], _UNKNOWN)
            values[rows, top] = -np.inf
        start = stop
    return found[:, 0], owners[:, 0], found[:, 1], owners[:, 1]


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
