"""One state of the gallery, with the matcher that answers for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holotype.exact_search import ExactSearch
from holotype.forking import cached_property
from holotype.gallery import Gallery, Snapshot
from holotype.gallery.mapped import SMALLEST
from holotype.gallery.prototypes import follow, prototypes_of
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.impostors import Difference, places
from holotype.recognizer.index_search import IndexSearch
from holotype.records import Candidate, Reason
from holotype.stats import scoring
from holotype.stats.scoring import Floats

_MAX_LOOKALIKES = 5
# Two pictures this alike are one picture.
SAME = 0.9999


@dataclass(frozen=True, eq=False)
class State:
    """Made by `of`; it never changes."""

    snapshot: Snapshot
    matcher: Matcher

    @classmethod
    def of(cls, snapshot: Snapshot, model: CohortModel, before: State | None) -> State:
        """Derive it, at the cost of what differs from the state before."""
        count = len(snapshot.labels)
        described = is_described(snapshot)
        vectors, owner = snapshot.vectors, snapshot.owner
        examples = np.bincount(owner[~described], minlength=count)
        changes = None if before is None else changes_between(before.snapshot, snapshot)
        if before is None or changes is None or len(vectors) == count:
            prototypes = prototypes_of(vectors, owner, described, count)
        else:
            prototypes = follow(before.matcher.prototypes, changes, vectors, owner, described)
        exemplars = prototypes
        if len(vectors) != count:
            # The oldest picture of each stands for what one more of it would reach.
            last_first = np.argsort(described, kind="stable")[::-1]
            oldest = np.empty(count, np.int64)
            oldest[owner[last_first]] = last_first
            exemplars = vectors[oldest]
        if before is None:
            matcher = Matcher.of(
                model,
                prototypes,
                examples,
                exemplars=exemplars,
                site=site_of(snapshot),
                keys=snapshot.identities,
            ).with_unlabeled(unlabeled_of(snapshot))
        else:
            matcher = before.matcher.follow(
                prototypes, examples, exemplars, snapshot.identities, changes
            )
            if snapshot.strangers.version != before.snapshot.strangers.version:
                matcher = matcher.with_site(site_of(snapshot))
                matcher = matcher.with_unlabeled(unlabeled_of(snapshot))
        if before is None or snapshot.strangers.version != before.snapshot.strangers.version:
            matcher = matcher.turning_away(turned_away(snapshot))
        if matcher.search is None and count >= SMALLEST:
            matcher = matcher.searching(ExactSearch(prototypes))
        return cls(snapshot, matcher)

    def searching(self, gallery: Gallery) -> State:
        """The same state, which lets the index of its gallery find candidates, if it has one."""
        if gallery.index is None:
            return self
        search = IndexSearch(gallery, self.snapshot, self.matcher)
        return replace(self, matcher=self.matcher.searching(search))

    @property
    def labels(self) -> tuple[str, ...]:
        """The enrolled: N."""
        return self.snapshot.labels

    def over(self, vector: Floats, needed: np.floating) -> tuple[Reason, ...]:
        """Why a probe gets no match although it is as alike as needed to one who was enrolled.

        Args:
            vector: float32 unit [D] of the probe.
            needed: the threshold; NaN when nobody is enrolled.
        """
        gone = self.snapshot.over
        if not gone.labels:
            return ()
        at = self.matcher.expired(gone.vectors, gone.owner, vector, needed)
        if at is None:
            return ()
        text = f"{gone.labels[at]} could be kept until {gone.days[at]}, and is matched no more"
        return (Reason("retention_over", text),)

    def nearest_example(self, identity: int, vector: Floats) -> int | None:
        """The id of the example of an identity that is most alike to a vector.

        Args:
            identity: its place among the labels.
            vector: float32 unit [D].
        """
        if not len(self.snapshot.examples):
            return None
        order, starts = self._by_identity
        rows = order[starts[identity] : starts[identity + 1]]
        nearest = (self.snapshot.vectors[rows] @ vector).argmax()
        return int(self.snapshot.examples[rows[nearest]])

    @cached_property
    def _by_identity(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the examples identity by identity [M], and where each begins [N + 1]."""
        order = np.argsort(self.snapshot.owner, kind="stable")
        places = np.arange(len(self.labels) + 1)
        return order, np.searchsorted(self.snapshot.owner[order], places)

    def vectors_of(self, label: str) -> Floats:
        """The pictures of a label: float32 unit [K, D], K = 0 where none is enrolled."""
        at = self.labels.index(label) if label in self.labels else -1
        shown = (self.snapshot.owner == at) & ~is_described(self.snapshot)
        return np.asarray(self.snapshot.vectors[shown])

    def same_example(self, vector: Floats) -> tuple[int, str] | None:
        """The enrolled example that is the same picture, by its id and label; None: none is.

        Args:
            vector: float32 unit [D].
        """
        if not self.labels:
            return None
        similarity = self.snapshot.vectors @ vector
        at = int(similarity.argmax())
        if similarity[at] < SAME:
            return None
        return int(self.snapshot.examples[at]), self.labels[int(self.snapshot.owner[at])]

    def is_stranger(self, vector: Floats) -> bool:
        """Whether the same picture is one of the own strangers.

        Args:
            vector: float32 unit [D].
        """
        return bool((self.snapshot.strangers.vectors @ vector >= SAME).any())

    def turned_from(self, label: str, added: int) -> list[Reason]:
        """Which of the last examples of a label would be taken for a stranger of a review.

        Args:
            label: of the identity.
            added: how many examples.
        """
        away, enrolled = self.matcher.turned, self.vectors_of(label)
        if away is None or not len(enrolled):
            return []
        own = self.matcher.prototypes[self.labels.index(label)]
        reasons = []
        for number, vector in enumerate(enrolled[-added:], start=1):
            nearer = float((away @ vector).max())
            if nearer > own @ vector or nearer >= SAME:
                text = (
                    f"picture {number} is alike to a stranger of a review by {nearer:.2f}, and so "
                    "would be turned away. If they are one, take the stranger out: "
                    "`holotype calibrate GALLERY --list`, then `--remove`"
                )
                reasons.append(Reason("was_turned_away", text))
        return reasons

    def lookalikes(self, prototype: Floats) -> tuple[Candidate, ...]:
        """The enrolled whom a new identity would be taken for, best first.

        Args:
            prototype: float32 unit [D].
        """
        similarity = self.matcher.prototypes @ prototype
        (reached,) = self.matcher.would_match(prototype[None])
        return tuple(
            Candidate(
                self.labels[i],
                min(float(similarity[i]), 1.0),
                self.nearest_example(i, prototype),
            )
            for i in scoring.top_k(similarity, _MAX_LOOKALIKES)
            if reached[i]
        )


def changes_between(before: Snapshot, after: Snapshot) -> Difference | None:
    """What differs from one snapshot to a later one, told by who has which examples.

    Returns:
        As `openset.impostors.difference`; None where all was read anew in between, so that a number
        may be that of another example.
    """
    if before.loaded != after.loaded or not (len(before.examples) and len(after.examples)):
        return None
    new_row = places(before.identities, after.identities)
    # Where each example is now. Both are in ascending order.
    at = np.minimum(np.searchsorted(after.examples, before.examples), len(after.examples) - 1)
    stays = after.examples[at] == before.examples
    stays &= after.owner[at] == new_row[before.owner]
    came = np.ones(len(after.examples), np.bool_)
    came[at[stays]] = False
    changed = np.zeros(len(after.identities), np.bool_)
    changed[after.owner[came]] = True
    left = new_row[before.owner[~stays]]
    changed[left[left >= 0]] = True
    new_row[(new_row >= 0) & changed[new_row]] = -1
    return new_row, np.flatnonzero(changed)


def is_described(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Which of the examples stand for a text: bool [M]."""
    if not snapshot.described:
        return np.zeros(len(snapshot.vectors), np.bool_)
    return np.isin(snapshot.examples, list(snapshot.described))


def turned_away(snapshot: Snapshot) -> Floats:
    """The strangers of reviews: float32 [T, D]."""
    strangers = snapshot.strangers
    return strangers.vectors[strangers.turned] if len(strangers.turned) else strangers.vectors[:0]


def site_of(snapshot: Snapshot) -> Cohort:
    """The owner's own strangers as a cohort, without those of reviews.

    Who is reviewed was picked by what was answered. Wrong matches alone would set thresholds that
    hardly anybody reaches, and strangers who were rightly unknown such that let too many in.
    """
    strangers = snapshot.strangers
    given = strangers.class_index >= 0
    if strangers.turned.any():
        given &= ~strangers.turned
    _, index = np.unique(strangers.class_index[given], return_inverse=True)
    return Cohort(strangers.vectors[given], index.astype(np.int64))


def unlabeled_of(snapshot: Snapshot) -> Floats:
    """Pictures from the place of which nobody said whom they show: float32 unit [U, D]."""
    return np.asarray(snapshot.strangers.vectors[snapshot.strangers.class_index < 0])
