"""What a cohort reaches against one gallery, kept up to date as the gallery changes.

A score is the best similarity that an impostor reaches. Two kinds of rivals make it:

- The enrolled: each cohort item plays an impostor against every enrolled identity.
- Related classes among the enrolled (`openset.related`): each item also plays against as many of
  the other classes of its cohort as an impostor has relatives among the enrolled.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holotype.forking import cached_property
from holotype.openset.cohort import Cohort
from holotype.openset.related import RELATED_SHARE
from holotype.openset.threshold import ThresholdEstimator, refusal
from holotype.stats.scoring import Floats

_CHUNK_ROWS = 1024
# Steps of 2^-11: products of two coordinates are multiples of 2^-22, and no partial sum of a
# product of two unit vectors needs more than the 24 bits of a float32. So every order of summation
# gives the same bits, and what was followed change by change equals what is computed at once.
_GRID = np.float32(2**11)
# Each item meets related classes in so many independent ways.
_RELATED_DRAWS = 4
# Until a gallery shows otherwise, impostors have about as many relatives among the enrolled as
# classes of the cohort have among themselves; somewhat fewer, since a cohort is held back origin by
# origin. That counts like so many related pairs observed. Chosen on the selection alphabets.
_PRIOR_RELATED, _PRIOR_PAIRS = 0.75, 2.0
_MAX_IDENTITIES = 512  # among whom related pairs are counted
_MAX_EXAMPLES = 10

Difference = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class ImpostorScores:
    """The scores against one state of a gallery; made by `of`, then `follow`ed."""

    cohort: Cohort
    keys: tuple[Hashable, ...]  # [N] what identifies the enrolled from one state to the next
    prototypes: Floats  # [N, D] unit
    examples: int  # how many an identity typically has
    best: Floats  # [M] best similarity of each cohort item to the enrolled; -inf when N = 0
    _owner: NDArray[np.int64]  # [M] which of the N reaches it
    _items: Floats  # [M, D] the cohort on the grid
    _related_per_class: float | None = None  # that of a whole gallery, for one claim on it

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        keys: Sequence[Hashable],
        prototypes: Floats,
        examples: int = 1,
    ) -> ImpostorScores:
        """Play the cohort against a gallery.

        Args:
            cohort: M items.
            keys: N distinct ones.
            prototypes: float32 unit [N, D].
            examples: how many examples an identity typically has (the median), at least 1.
        """
        items = _on_grid(cohort.embeddings)
        best, owner = _best(items, prototypes)
        return cls(cohort, tuple(keys), prototypes, examples, best, owner, items)

    def follow(
        self,
        keys: Sequence[Hashable],
        prototypes: Floats,
        examples: int = 1,
        changes: Difference | None = None,
    ) -> ImpostorScores:
        """The scores against the next state of the gallery, equal bit for bit to `of`.

        Costs what the difference costs: an identity that came or changed is compared with the
        cohort, one that left or changed is replaced where it was the best.

        Args:
            keys: N' distinct ones.
            prototypes: float32 unit [N', D].
            examples: as for `of`.
            changes: from this state to the next (`difference`), where they are known.
        """
        keys = tuple(keys)
        new_row, arrived = changes or difference(self.keys, self.prototypes, keys, prototypes)
        if not len(self.keys) or 4 * len(arrived) > len(keys):
            return self.of(self.cohort, keys, prototypes, examples)
        owner = new_row[self._owner]
        orphan = owner < 0
        best = np.where(orphan, -np.inf, self.best).astype(np.float32)
        # Orphans meet everybody anew, the others only who arrived.
        best[orphan], owner[orphan] = _best(self._items[orphan], prototypes)
        rest = np.flatnonzero(~orphan)
        challenge, challenger = _best(self._items[rest], prototypes[arrived])
        wins = challenge > best[rest]
        best[rest[wins]] = challenge[wins]
        owner[rest[wins]] = arrived[challenger[wins]]
        return replace(
            self, keys=keys, prototypes=prototypes, examples=examples, best=best, _owner=owner
        )

    def claim(self, key: Hashable) -> ImpostorScores:
        """The scores against one identity alone, with the relatives that the gallery shows."""
        at = self.keys.index(key)
        alone = self.prototypes[at : at + 1]
        best, owner = _best(self._items, alone)
        return ImpostorScores(
            self.cohort,
            (key,),
            alone,
            self.examples,
            best,
            owner,
            self._items,
            self.related_per_class,
        )

    @cached_property
    def related_per_class(self) -> float:
        """How many relatives impostors have among the enrolled, beside the cohort's among its own.

        The number of pairs of enrolled identities that are as alike as the most alike pairs of
        cohort classes, over the number that the cohort's own share makes expected: the posterior
        mean of a Poisson rate under a gamma prior. Pairs that are alike by chance, as cohort and
        gallery are, count nowhere: `best` has them already.
        """
        if self._related_per_class is not None:
            return self._related_per_class
        if not len(self.cohort):
            return 0.0
        table = self.cohort.related(self._typical)
        step = -(-len(self.keys) // _MAX_IDENTITIES) or 1
        shown = self.prototypes[::step]
        if not (len(shown) and np.isfinite(table.threshold)):
            return 0.0
        pairs = len(shown) * (len(shown) - 1) / 2
        similarity = shown @ shown.T
        np.fill_diagonal(similarity, -np.inf)
        alike = np.count_nonzero(similarity > table.threshold) / 2
        by_chance = float((table.prototypes @ shown.T > table.threshold).mean())
        expected = _PRIOR_RELATED * max(1 - by_chance / RELATED_SHARE, 0.0)
        observed = max(alike - pairs * by_chance, 0.0)
        return (_PRIOR_PAIRS * expected + observed) / (_PRIOR_PAIRS + pairs * RELATED_SHARE)

    @cached_property
    def values(self) -> Floats:
        """The scores, related classes included: float32 [J * M], each item J times."""
        relatives = self.related_per_class * len(self.keys)
        if not relatives:
            return np.tile(self.best, _RELATED_DRAWS)
        table = self.cohort.related(self._typical)
        # The best of n draws has the n-th power of their distribution function: the quantile
        # u ** (1/n) of the item's similarities to other classes. Below one draw that is often no
        # class at all: `place` is then `count`, behind the least alike.
        u = np.random.default_rng(0).random((_RELATED_DRAWS, len(self.cohort)))
        place = (table.count * (1 - u ** (1 / relatives))).astype(np.int64)
        alike = table.others[np.arange(len(self.cohort)), place]
        return np.maximum(self.best, alike).ravel()

    @property
    def without_related(self) -> Floats:
        """The scores of impostors who have no relatives among the enrolled: float32 [M]."""
        return self.best

    @cached_property
    def class_index(self) -> NDArray[np.int64]:
        """The cohort class of each of `values`: int64 [J * M]."""
        return np.tile(self.cohort.class_index, _RELATED_DRAWS)

    @cached_property
    def evidence(self) -> ThresholdEstimator:
        """What these scores support."""
        return ThresholdEstimator(self.values, self.class_index)

    def threshold(self, rate: float, name: str) -> float:
        """As `openset.threshold` of these scores."""
        found = self.evidence.at(rate)
        if found is None:
            cohort = f"this cohort of {self.evidence.classes} classes"
            raise refusal(rate, name, cohort, self.smallest_rate())
        return found

    def smallest_rate(self) -> float:
        """As `openset.smallest_rate` of these scores."""
        return self.evidence.smallest

    @property
    def _typical(self) -> int:
        return min(self.examples, _MAX_EXAMPLES)


def difference(
    before: Sequence[Hashable], old: Floats, after: Sequence[Hashable], new: Floats
) -> Difference:
    """What changes from one state of a gallery to the next.

    Args:
        before: N keys of the one.
        old: float32 [N, D], its prototypes.
        after: N' keys of the other.
        new: float32 [N', D], its prototypes.

    Returns:
        int64 [N], the next row of each of the present identities, -1 for one that leaves or
        changes; and the next rows that are none of these.
    """
    before, after = tuple(before), tuple(after)
    new_row = places(before, after)
    if len(after) >= len(before) and np.array_equal(new_row, np.arange(len(before))):
        if _goes_on(old, new):  # as after an enrollment
            return new_row, np.arange(len(before), len(after))
        new_row[(old != new[: len(new_row)]).any(axis=1)] = -1
    else:
        kept = np.flatnonzero(new_row >= 0)
        same = (old[kept] == new[new_row[kept]]).all(axis=1)
        new_row[kept[~same]] = -1
    known = np.zeros(len(after), dtype=np.bool_)
    known[new_row[new_row >= 0]] = True
    return new_row, np.flatnonzero(~known)


def places(before: Sequence[Hashable], after: Sequence[Hashable]) -> NDArray[np.int64]:
    """Where each of N distinct keys is among others: int64 [N], -1 where it is not.

    What both begin and end with is not looked up: of a gallery that loses one, nearly all.
    """
    head = _alike(before, after)
    if head == len(before):  # as after an enrollment
        return np.arange(head)
    tail = min(_alike(before[::-1], after[::-1]), len(before) - head, len(after) - head)
    row = {after[at]: at for at in range(head, len(after) - tail)}
    between = [row.get(key, -1) for key in before[head : len(before) - tail]]
    ends = np.arange(head), np.arange(len(after) - tail, len(after))
    return np.concatenate([ends[0], np.array(between, np.int64), ends[1]])


def _alike(before: Sequence[Hashable], after: Sequence[Hashable]) -> int:
    """How many keys both begin with; in parts, each of which the processor can hold."""
    least = min(len(before), len(after))
    start = 0
    while start < least:
        stop = min(start + _CHUNK_ROWS, least)
        if before[start:stop] != after[start:stop]:
            return next(at for at in range(start, stop) if before[at] != after[at])
        start = stop
    return least


def _goes_on(old: Floats, new: Floats) -> bool:
    """Whether the rows of the one are the first of the other, seen by where they lie.

    A gallery that grows appends to rows that are never written again; to compare a million of them
    would take longer than everything else.
    """
    starts = [array.__array_interface__["data"] for array in (old, new)]
    read_only = all(read_only for _, read_only in starts)
    return read_only and starts[0] == starts[1] and old.strides == new.strides


def _on_grid(vectors: Floats) -> Floats:
    return np.asarray(np.rint(vectors * _GRID) / _GRID, dtype=np.float32)


def _best(items: Floats, prototypes: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Of each item on the grid [M, D], the best similarity [M] and the prototype [M] with it."""
    best = np.full(len(items), -np.inf, dtype=np.float32)
    owner = np.full(len(items), -1, dtype=np.int64)
    # In chunks: cohort times gallery would be gigabytes for a large gallery.
    for start in range(0, len(prototypes) if len(items) else 0, _CHUNK_ROWS):
        similarity = items @ _on_grid(prototypes[start : start + _CHUNK_ROWS]).T
        top = similarity.argmax(axis=1)
        value = similarity[np.arange(len(items)), top]
        wins = value > best
        best[wins], owner[wins] = value[wins], start + top[wins]
    return best, owner
