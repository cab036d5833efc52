"""Who is enrolled at one moment, as arrays; and the strangers beside them.

N = enrolled identities, M = examples, S = strangers' vectors, D = embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from holotype.errors import LabelError
from holotype.gallery import feedback
from holotype.gallery.labels import shown


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """The owner's own strangers: who or what is not enrolled. The arrays are read-only."""

    version: int  # differs whenever the content does; meaningful for one open gallery only
    vectors: NDArray[np.float32] = field(repr=False)  # [S, D] unit
    # [S] 0, 1, ...; no class in two batches; -1 of a picture of which nobody said whom it shows
    class_index: NDArray[np.int64] = field(repr=False)
    # [S] whether a review turned it away; [0]: none of them
    turned: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_), repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Over:
    """Those whose last day has passed, and who were not erased yet. K of them."""

    labels: tuple[str, ...]  # [K]
    days: tuple[date, ...]  # [K] the last on which each could be kept
    vectors: NDArray[np.float32] = field(repr=False)  # [L, D] of all of them
    owner: NDArray[np.int64] = field(repr=False)  # [L] index into labels
    identities: tuple[str, ...] = ()  # [K] random ids

    def only(self, some: frozenset[str]) -> Over:
        """Those of them with these random ids."""
        kept, vectors, owner, _ = _part(self.identities, some, self.vectors, self.owner, None)
        return Over(
            tuple(self.labels[i] for i in kept),
            tuple(self.days[i] for i in kept),
            vectors,
            owner,
            tuple(self.identities[i] for i in kept),
        )


def _nobody() -> Over:
    return Over((), (), np.empty((0, 0), np.float32), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Who is enrolled and may be kept, at one moment. It never changes; arrays are read-only."""

    version: int  # differs whenever the content does; meaningful for one open gallery only
    labels: tuple[str, ...]  # [N] in order of first enrollment
    identities: tuple[str, ...]  # [N] random ids
    vectors: NDArray[np.float32] = field(repr=False)  # [M, D] as they were added, oldest first
    owner: NDArray[np.int64] = field(repr=False)  # [M] index into labels
    strangers: Strangers = field(repr=False)
    over: Over = field(default_factory=_nobody, repr=False)
    # [M] ids of the examples, ascending; [0]: they have none
    examples: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)  # of random ids
    quiet: frozenset[str] = frozenset()  # random ids of those who are known, but not announced
    described: frozenset[int] = frozenset()  # ids of examples that stand for a text
    signing_key: bytes | None = field(default=None, repr=False)  # None: of schema 1
    # How often all was read anew: where it is equal, an example of two snapshots is the same one.
    loaded: int = 0

    def sign(self, payload: Mapping[str, object]) -> str:
        """A token for a decision, which carries its facts; nothing is written.

        Args:
            payload: `answer`, `identity` (random id of the best candidate, or None),
                `similarity` and `threshold` (numbers or None), `rate_kind` and `rate`.

        Returns:
            The token; empty for a gallery of schema 1, which cannot sign before its first change.
        """
        return "" if self.signing_key is None else feedback.sign(self.signing_key, payload)

    def only(self, tag: str) -> Snapshot:
        """The same moment with those alone who have a tag.

        Raises:
            LabelError: nobody has it.
        """
        some = frozenset(who for who, tags in self.tags.items() if tag in tags)
        kept, vectors, owner, examples = _part(
            self.identities, some, self.vectors, self.owner, self.examples
        )
        if not kept:
            used = sorted({one for tags in self.tags.values() for one in tags})
            known = f"Tags that are used: {', '.join(map(shown, used[:10]))}" if used else ""
            raise LabelError(
                f"nobody who is enrolled has the tag {shown(tag)}",
                known or "Give it to somebody with `holotype tag`",
            )
        return replace(
            self,
            labels=tuple(self.labels[i] for i in kept),
            identities=tuple(self.identities[i] for i in kept),
            vectors=vectors,
            owner=owner,
            over=self.over.only(some),
            examples=self.examples if examples is None else examples,
        )


def _part(
    identities: tuple[str, ...],
    some: frozenset[str],
    vectors: NDArray[np.float32],
    owner: NDArray[np.int64],
    examples: NDArray[np.int64] | None,
) -> tuple[list[int], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64] | None]:
    """Which of the identities are among some, and the rows of these."""
    there = np.array([who in some for who in identities], np.bool_)
    rows = there[owner]
    vectors, owner = vectors[rows], (np.cumsum(there) - 1)[owner[rows]]
    examples = examples[rows] if examples is not None and len(examples) else None
    for array in (vectors, owner, examples):
        if array is not None:
            array.flags.writeable = False
    return np.flatnonzero(there).tolist(), vectors, owner, examples
