"""The decision: which of the enrolled a probe shows, or nobody, or that it cannot be told.

This is the one place where a similarity meets a threshold. The Recognizer answers with it, and
whatever measures a rate calls it as well, so that what is measured is what is served.

N = enrolled identities, B = probes, D = embedding dimensions, k = candidates of each probe.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from holotype.openset.cohort import Cohort
from holotype.openset.described import evidence_of
from holotype.openset.evidence import Basis, Evidence, RateKind, Source, Threshold
from holotype.openset.impostors import Difference, difference
from holotype.openset.model import CohortModel
from holotype.stats import scoring
from holotype.stats.scoring import Floats

# Probes whose novelty p-value is at most this are not judged, unless that of the example that they
# are most like is small as well: a gallery of what the model does not know is no reason to turn
# every picture away. The second was chosen on half of Caltech's things, where 60 % of photographs
# are unfamiliar to the pack of the shelf, and are named rightly as often as others as alike.
UNFAMILIAR, _UNFAMILIAR_EXAMPLE = 0.005, 0.02
# Two identities closer than this are one picture enrolled under two labels, or rounding.
TIE = 1e-6
_SHORT = 0.999  # the length of what is not a single unit vector
# Similarities that are held at a time: 64 MiB of float32.
_BLOCK_ENTRIES = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """B probes beside the enrolled, before any rate is stated."""

    claim: int | None  # the identity that is claimed; None: all were compared
    candidates: NDArray[np.int64]  # [B, k] identities, most alike first; k = 0: nobody is enrolled
    similarity: Floats  # [B, k]
    familiarity: NDArray[np.float64]  # [B] p-value in (0, 1]; small is unlike all that is known
    stranger: Floats | None = None  # [B] that to who was turned away; None: nobody was


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The answers to B probes."""

    compared: Compared
    rate: float  # the stated one, or the one that was chosen where nobody stated any
    thresholds: Floats  # [N] of everybody; [1] of a claim; [0] when nobody is enrolled
    basis: Basis  # what they rest on
    source: Source
    threshold: Floats  # [B] that of the best candidate; NaN when nobody is enrolled
    accepted: NDArray[np.bool_]  # [B] whether the best candidate reaches its threshold
    doubtful: NDArray[np.bool_]  # [B] the caller's doubts, such as of a picture's quality
    tied: NDArray[np.bool_]  # [B] accepted, and another identity fits equally well
    taken: NDArray[np.bool_]  # [B] accepted, and another probe of the picture is more alike to it
    unfamiliar: NDArray[np.bool_]  # [B] unlike what prepared the model, where the enrolled are not
    # [B] not accepted although it reaches the threshold: a stranger who was turned away is nearer
    turned: NDArray[np.bool_] | None = None  # None: nobody was turned away

    def __len__(self) -> int:
        return len(self.accepted)

    @property
    def rate_kind(self) -> RateKind:
        """Which rate was stated: an FPIR, or the FMR of a claim."""
        return "fpir" if self.compared.claim is None else "fmr"

    @property
    def cannot_tell(self) -> NDArray[np.bool_]:
        """Bool [B]: who gets no answer."""
        return self.doubtful | self.tied | self.unfamiliar

    @property
    def match(self) -> NDArray[np.bool_]:
        """Bool [B]: who is taken for the best candidate. The others are unknown, or unclear."""
        return self.accepted & ~self.taken & ~self.cannot_tell

    @property
    def best(self) -> NDArray[np.int64]:
        """Int64 [B]: the most alike identity; B empty columns when nobody is enrolled."""
        return self.compared.candidates[:, 0]


class Search(Protocol):
    """Finds the most alike of one state of a gallery faster than a product with all of it."""

    @property
    def exact(self) -> bool:
        """Whether it misses nobody."""

    def nearest(self, vectors: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
        """The k most alike of float32 [B, D]: rows and similarities [B, k], of equals the first."""

    def follow(self, prototypes: Floats, changes: Difference) -> Search | None:
        """Of the next state, at the cost of what differs (`difference`); None: by a product."""


@dataclass(frozen=True, eq=False)
class Matcher:
    """One state of a gallery; made by `of`, then `follow`ed. It never changes."""

    model: CohortModel
    prototypes: Floats  # [N, D] unit
    examples: NDArray[np.int64]  # [N] how many each identity has; 0: descriptions alone
    evidence: Evidence  # of what impostors reach against this gallery
    turned: Floats | None = None  # [T, D] unit, strangers who were taken for one of the enrolled
    search: Search | None = None  # of the prototypes, where they are many
    _thresholds: dict[tuple[float | None, int | None, float | None], Threshold] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def of(
        cls,
        model: CohortModel,
        prototypes: Floats,
        examples: NDArray[np.int64] | int = 1,
        *,
        exemplars: Floats | None = None,
        site: Cohort | None = None,
        keys: Sequence[Hashable] | None = None,
    ) -> Matcher:
        """Prepare the answers of a gallery.

        Args:
            model: of the vectors.
            prototypes: float32 unit [N, D], one an identity.
            examples: int64 [N], or one number for all; 0 of whom is known by description alone.
            exemplars: float32 unit [N, D], one example of each; None: the prototypes.
            site: the owner's own impostors; None: there are none.
            keys: N distinct ones that identify the enrolled from one state to the next; None:
                their rows.
        """
        count = len(prototypes)
        examples = np.broadcast_to(np.asarray(examples, np.int64), (count,))
        keys = range(count) if keys is None else keys
        evidence = evidence_of(
            model.cohort,
            Cohort.none(prototypes.shape[1]) if site is None else site,
            keys,
            prototypes,
            prototypes if exemplars is None else exemplars,
            _typical(examples),
            model.default,
            examples == 0,
        )
        return cls(model, prototypes, examples, evidence)

    @classmethod
    def of_support(
        cls, model: CohortModel, support: Floats, *, site: Cohort | None = None
    ) -> Matcher:
        """Prepare the answers of a gallery with as many examples of each identity.

        Args:
            model: of the vectors.
            support: float32 unit [N, K, D].
            site: as for `of`.
        """
        shots = support.shape[1]
        prototypes = support[:, 0] if shots == 1 else scoring.prototypes(support)
        return cls.of(model, prototypes, shots, exemplars=support[:, 0], site=site)

    def follow(
        self,
        prototypes: Floats,
        examples: NDArray[np.int64],
        exemplars: Floats,
        keys: Sequence[Hashable],
        changes: Difference | None = None,
    ) -> Matcher:
        """The next state of the gallery, at the cost of what differs.

        Args:
            prototypes: as for `of`, and so the next three.
            examples: likewise.
            exemplars: likewise.
            keys: likewise.
            changes: from this state to the next (`openset.impostors.difference`), where known.
        """
        if not (self.examples.all() and examples.all()):  # some are described
            site, unlabeled = self.evidence.impostors.site.cohort, self.evidence.unlabeled
            found = self.of(
                self.model, prototypes, examples, exemplars=exemplars, site=site, keys=keys
            )
            found = found if unlabeled is None else found.with_unlabeled(unlabeled)
            return replace(found, turned=self.turned, _thresholds={})
        if changes is None:
            changes = difference(self.evidence.enrolled.keys, self.prototypes, keys, prototypes)
        evidence = self.evidence.follow(keys, prototypes, exemplars, _typical(examples), changes)
        search = None if self.search is None else self.search.follow(prototypes, changes)
        return Matcher(self.model, prototypes, examples, evidence, self.turned, search)

    def without(self, identity: int) -> Matcher:
        """The same gallery without one of the enrolled."""
        enrolled = self.evidence.enrolled
        keys = [key for row, key in enumerate(enrolled.keys) if row != identity]
        return self.follow(
            np.delete(self.prototypes, identity, axis=0),
            np.delete(self.examples, identity),
            np.delete(enrolled.exemplars, identity, axis=0),
            keys,
        )

    def with_site(self, site: Cohort) -> Matcher:
        """The same gallery with other own strangers."""
        return replace(self, evidence=self.evidence.with_site(site), _thresholds={})

    def turning_away(self, strangers: Floats) -> Matcher:
        """The same gallery, which takes whoever is more alike to one of these for nobody.

        A stranger who was taken for one of the enrolled, and is known for one since, is not taken
        for that one again. It only ever turns away, so what is promised of strangers stays.

        Args:
            strangers: float32 unit [T, D]; T may be 0.
        """
        return replace(self, turned=strangers if len(strangers) else None)

    def with_unlabeled(self, vectors: Floats) -> Matcher:
        """The same gallery with other unlabeled pictures from its place: float32 unit [U, D]."""
        return replace(self, evidence=self.evidence.with_unlabeled(vectors), _thresholds={})

    def searching(self, search: Search) -> Matcher:
        """The same gallery, in which that finds the most alike."""
        return replace(self, search=search, _thresholds={})

    def threshold(
        self, rate: float | None, claim: int | None = None, confidence: float | None = None
    ) -> Threshold:
        """As `Evidence.threshold`; remembered.

        Where a search misses some, it is the highest of all who were shown, and of all described.
        Whom it finds is at most as alike as the nearest of that kind; so who is accepted reaches
        the threshold of the nearest as well, and what is promised stays, whatever is missed.
        """
        key = rate, claim, confidence
        if key not in self._thresholds:
            found = self.evidence.threshold(*key)
            if claim is None and self.search is not None and not self.search.exact:
                found = replace(found, values=self._highest(found), strict=None)
            self._thresholds[key] = found
        return self._thresholds[key]

    def _highest(self, threshold: Threshold) -> Floats:
        values = threshold.values if threshold.strict is None else threshold.strict
        result = np.maximum(values, threshold.values)
        for kind in (self.examples > 0, self.examples == 0):
            result[kind] = result[kind].max(initial=-1)
        return result

    def smallest_rate(self, guaranteed: bool = False, claim: int | None = None) -> float:
        """As `Evidence.smallest_rate`."""
        return self.evidence.smallest_rate(guaranteed, claim)

    def match(
        self,
        vectors: Floats,
        rate: float | None,
        claim: int | None = None,
        *,
        doubtful: NDArray[np.bool_] | None = None,
    ) -> Matches:
        """Answer for B probes: `compare` and `decide` in one.

        Args:
            vectors: float32 unit [B, D].
            rate: as for `threshold`.
            claim: likewise.
            doubtful: as for `decide`.

        Raises:
            RateError: the rate is not supported.
        """
        return self.decide(self.compare(vectors, claim), rate, doubtful)

    def compare(
        self,
        vectors: Floats,
        claim: int | None = None,
        *,
        familiarity: NDArray[np.float64] | None = None,
        candidates: int = 2,
    ) -> Compared:
        """Compare B probes with the enrolled, or with the one that is claimed.

        Args:
            vectors: float32 [B, D], unit; or each the mean of unit vectors of one probe.
            claim: the identity that is claimed.
            familiarity: float64 [B], from `CohortModel.novelty` where it was asked before.
            candidates: how many are found for each probe, at least 2; fewer where fewer are
                enrolled.
        """
        if familiarity is None:
            # The mean of several pictures is shorter than each, and no less familiar for that.
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            full = vectors if (length > _SHORT).all() else vectors / np.maximum(length, 1e-12)
            familiarity = self.model.novelty.p_value(full)
        if claim is not None:
            similarity = vectors @ self.prototypes[claim : claim + 1].T
            found = np.full((len(vectors), 1), claim, np.int64)
        else:
            nearest = self._nearest if self.search is None else self.search.nearest
            found, similarity = nearest(vectors, min(candidates, len(self.prototypes)))
        return Compared(claim, found, similarity, familiarity, self.nearest_turned(vectors))

    def nearest_turned(self, vectors: Floats) -> Floats | None:
        """How alike each of B vectors is to who was turned away: float32 [B]; None: nobody was."""
        return None if self.turned is None else (vectors @ self.turned.T).max(axis=1)

    def decide(
        self,
        compared: Compared,
        rate: float | None,
        doubtful: NDArray[np.bool_] | None = None,
        *,
        together: bool = False,
        confidence: float | None = None,
    ) -> Matches:
        """Answer for B probes that have been compared.

        Args:
            compared: with this gallery.
            rate: in (0, 1): an FPIR, or the FMR of a claim; None: the usual one.
            doubtful: bool [B], who gets no answer whatever the gallery; None: nobody.
            together: whether the probes stand side by side in one picture, where each identity is
                at most once: the most alike of those that can be told.
            confidence: as for `Evidence.threshold`.

        Raises:
            RateError: the rate is not supported.
        """
        threshold = self.threshold(rate, compared.claim, confidence)
        count, places = compared.candidates.shape
        tied, turned = np.zeros((2, count), np.bool_)
        if places:
            best = compared.candidates[:, 0] if compared.claim is None else np.zeros(count, int)
            needed = threshold.values[best]
            if threshold.strict is not None:
                alone = self._runner_up(compared) <= self.evidence.enrolled.own_best[best]
                needed = np.where(alone, threshold.strict[best], needed)
            accepted = compared.similarity[:, 0] >= needed
            if compared.stranger is not None:
                turned = accepted & (compared.stranger > compared.similarity[:, 0])
                accepted = accepted & ~turned
        else:
            needed = np.full(count, np.nan, np.float32)
            accepted = tied
        if places > 1:
            tied = accepted & (compared.similarity[:, 0] - compared.similarity[:, 1] <= TIE)
        found = Matches(
            compared=compared,
            rate=threshold.rate,
            thresholds=threshold.values,
            basis=threshold.basis,
            source=threshold.source,
            threshold=needed,
            accepted=accepted,
            doubtful=np.zeros(count, np.bool_) if doubtful is None else doubtful,
            tied=tied,
            taken=np.zeros(count, np.bool_),
            unfamiliar=self._unfamiliar(compared),
            turned=None if compared.stranger is None else turned,
        )
        return replace(found, taken=_taken(found)) if together else found

    def probability(self, compared: Compared, impostor_prior: float = 0.5) -> NDArray[np.float64]:
        """How probable it is that the best candidate is right: float64 [B], NaN where unknown.

        Args:
            compared: with this gallery.
            impostor_prior: the share of impostors expected among the probes, in [0, 1].

        Raises:
            RateError: the prior is not in [0, 1].
        """
        result = np.full(len(compared.candidates), np.nan)
        if self.model.matching is None or not compared.candidates.shape[1]:
            return result
        impostors = self.evidence.against(compared.claim)
        examples = self.examples[compared.candidates[:, 0]]
        for count in np.unique(examples[examples > 0]).tolist():  # of words nothing is known
            at = examples == count
            result[at] = self.model.matching.probabilities(
                compared.similarity[at, 0], count, impostors, impostor_prior
            )
        return result

    def missed(self, rate: float | None) -> float | None:
        """The share of pictures of the enrolled that a rate turns away, expected over them.

        It is measured on the cohort's classes, so it holds for pictures like those. None where
        nobody is enrolled, or no cohort says how alike pictures of one class are.

        Raises:
            RateError: the rate is not supported.
        """
        threshold = self.threshold(rate)
        shown = self.examples > 0
        if self.model.matching is None or not shown.any():
            return None
        values, examples = threshold.values[shown], self.examples[shown]
        return float(self.model.matching.genuine_below(values, examples).mean())

    @staticmethod
    def expired(
        examples: Floats, owner: NDArray[np.int64], vector: Floats, needed: np.floating
    ) -> int | None:
        """Who of those that are matched no more would have been the match.

        Args:
            examples: float32 unit [M, D] of theirs.
            owner: int64 [M], who of them.
            vector: float32 unit [D], the probe.
            needed: the threshold; NaN when nobody else is enrolled.

        Returns:
            The most alike of them; None where that one does not reach the threshold.
        """
        similarity = scoring.group_prototypes(examples, owner, int(owner.max()) + 1) @ vector
        best = int(similarity.argmax())
        return None if similarity[best] < needed else best

    def would_match(self, vectors: Floats, rate: float | None = None) -> NDArray[np.bool_]:
        """Which identities each vector reaches, whatever else speaks for or against it.

        Args:
            vectors: float32 unit [B, D].
            rate: a stated FPIR; None: the usual one.

        Returns:
            bool [B, N].

        Raises:
            RateError: the rate was stated, and is not supported.
        """
        return np.asarray(vectors @ self.prototypes.T >= self.threshold(rate).values)

    def _unfamiliar(self, compared: Compared) -> NDArray[np.bool_]:
        """Who is unlike all that prepared the model, and whose nearest example is not: bool [B]."""
        found = compared.familiarity <= UNFAMILIAR
        at = np.flatnonzero(found)
        if len(at) and compared.candidates.shape[1]:
            nearest = self.evidence.enrolled.exemplars[compared.candidates[at, 0]]
            found[at] = self.model.novelty.p_value(nearest) > _UNFAMILIAR_EXAMPLE
        return np.asarray(found)

    @staticmethod
    def _runner_up(compared: Compared) -> Floats:
        """What the second best reaches: float32 [B]; -1 where only one is enrolled."""
        if compared.similarity.shape[1] > 1:
            return compared.similarity[:, 1]
        return np.full(len(compared.similarity), -1, np.float32)

    def _nearest(self, vectors: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
        """The k most alike identities of each probe [B, k], and their similarities."""
        found = np.empty((len(vectors), k), np.int64)
        values = np.empty((len(vectors), k), np.float32)
        step = max(1, _BLOCK_ENTRIES // max(1, len(self.prototypes)))
        for start in range(0, len(vectors) if k else 0, step):
            block = slice(start, start + step)
            similarity = vectors[block] @ self.prototypes.T
            if k > 2:
                found[block] = [scoring.top_k(row, k) for row in similarity]
                values[block] = np.take_along_axis(similarity, found[block], axis=1)
                continue
            rows = np.arange(len(similarity))
            for place in range(k):  # the first of equals, as `top_k` has it
                found[block, place] = at = similarity.argmax(axis=1)
                values[block, place] = similarity[rows, at]
                similarity[rows, at] = -np.inf
        return found, values


def _taken(found: Matches) -> NDArray[np.bool_]:
    """Whose match is more alike to another probe of the same picture: bool [B]."""
    matched = np.flatnonzero(found.match)
    if len(matched) < 2:
        return np.zeros(len(found), np.bool_)
    matched = matched[np.argsort(-found.compared.similarity[matched, 0], kind="stable")]
    first = np.unique(found.best[matched], return_index=True)[1]
    taken = found.match.copy()
    taken[matched[first]] = False
    return taken


def _typical(examples: NDArray[np.int64]) -> int:
    return max(1, int(np.median(examples))) if len(examples) else 1
