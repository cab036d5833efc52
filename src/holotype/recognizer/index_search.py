"""Candidates from the index of a gallery, compared here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.forking import cached_property
from holotype.gallery import Gallery, Snapshot
from holotype.openset import Matcher
from holotype.openset.impostors import Difference
from holotype.openset.matcher import Search
from holotype.records import Searched
from holotype.stats import scoring
from holotype.stats.scoring import Floats
from holotype.stats.share_interval import interval


@dataclass(frozen=True, eq=False)
class IndexSearch:
    """The `Search` of one state of a gallery that has an index.

    What the index says of a similarity is not believed: it is computed anew from the prototypes,
    in float32. Where the index cannot speak for this state, all are compared.
    """

    gallery: Gallery
    snapshot: Snapshot
    whole: Matcher  # of the same state, without the index

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Pickled as None: a copy of the state leaves its gallery, and compares with all."""
        return type(None), ()

    @property
    def exact(self) -> bool:
        """Whether the index misses nobody."""
        assert self.gallery.index is not None
        return self.gallery.index.exact

    @cached_property
    def _places(self) -> dict[str, int]:
        """The row of each random id."""
        return {name: place for place, name in enumerate(self.snapshot.identities)}

    def nearest(self, vectors: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
        """The k most alike, as far as the index knows; see `Search`."""
        among = self.among(vectors, k)
        if among is None:
            familiarity = np.ones(len(vectors))  # which is not asked for here
            compared = self.whole.compare(vectors, familiarity=familiarity, candidates=k)
            return compared.candidates, compared.similarity
        found = np.empty((len(vectors), k), np.int64)
        values = np.empty((len(vectors), k), np.float32)
        for row, (vector, rows) in enumerate(zip(vectors, among, strict=True)):
            similarity = self.whole.prototypes[rows] @ vector
            at = scoring.top_k(similarity, k)
            found[row], values[row] = rows[at], similarity[at]
        return found, values

    def follow(self, prototypes: Floats, changes: Difference) -> Search | None:
        """That of the next state, without an index, which says nothing of that yet."""
        search = self.whole.search
        return None if search is None else search.follow(prototypes, changes)

    def among(self, vectors: Floats, k: int) -> list[NDArray[np.int64]] | None:
        """Rows among whom the k most alike are, in ascending order; None: the index cannot say."""
        found = self.gallery.candidates(self.snapshot, vectors, k) if k else None
        if found is None:
            return None
        # Whose last day has passed is in the index still, and no candidate.
        rows = [[self._places[name] for name in one if name in self._places] for one in found]
        if any(len(one) < k for one in rows):
            return None
        return [np.sort(np.array(one, np.int64)) for one in rows]

    def measured(self) -> Searched:
        """How often the index misses one of the enrolled, where a picture is only just accepted.

        Who plays among the enrolled is looked for by a vector that is as alike to its prototype as
        the usual threshold demands, in a random direction that lies as the enrolled do: the sum of
        their differences from the mean, weighed by normal numbers. Their own examples would say
        too little, since an index leads to what is in it.
        """
        index, enrolled = self.gallery.index, self.whole.evidence.enrolled
        assert index is not None
        found = None
        if len(enrolled) > 1:
            found = self.among(self._only_just_accepted(enrolled.rows), 2)
        if found is None:
            return Searched(index.name, index.kind, 0, 0, 1.0)
        missed = sum(own not in rows for own, rows in zip(enrolled.rows, found, strict=True))
        # Of an exact one there is nothing to estimate, as long as it does find everybody.
        at_most = interval(missed, len(found))[1] if missed or not index.exact else 0.0
        return Searched(index.name, index.kind, len(found), missed, at_most)

    def _only_just_accepted(self, rows: NDArray[np.int64]) -> Floats:
        """A vector for each of those rows: float32 unit [S, D]."""
        own = self.whole.prototypes[rows]
        levels = self.whole.searching(self).threshold(None).values[rows, None]
        similarity = np.clip(levels, 0, 1)
        weights = np.random.default_rng(0).standard_normal((len(own), len(own)), np.float32)
        across = weights @ (own - own.mean(axis=0))
        across -= (across * own).sum(axis=1, keepdims=True) * own
        return scoring.unit(similarity * own + np.sqrt(1 - similarity**2) * scoring.unit(across))
