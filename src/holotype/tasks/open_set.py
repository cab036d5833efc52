"""Play many galleries: some classes enrolled, their other pictures probes, the rest strangers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError, RateError
from holotype.scoring import Floats, prototypes
from holotype.tasks.galleries import Galleries, draw_galleries
from holotype.tasks.open_set_report import OpenSetReport
from holotype.tasks.open_set_tallies import (
    IdentificationTally,
    RankTally,
    Sweep,
    VerificationTally,
)
from holotype.tasks.reliability import Reliability, reliability

RATES = (0.1, 0.01, 0.001)
# Similarities that are held at a time: they fit the processor's cache.
_BLOCK_ENTRIES = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The probes of one gallery, scored. P probes, N identities with K examples of D numbers."""

    prototypes: Floats  # [N, D] unit
    support: NDArray[np.int64]  # [N, K] rows of the enrolled examples
    row: NDArray[np.int64]  # [P] row of each probe
    column: NDArray[np.int64]  # [P] its identity 0..N-1; -1: a stranger
    nearest: NDArray[np.int64]  # [P] the identity that is most like it
    best: Floats  # [P] how alike, in [-1, 1]
    second: Floats  # [P] the similarity of the runner-up; -1 where N = 1
    own: Floats  # [P] the similarity to its own identity; -1 for a stranger
    rank: NDArray[np.int64]  # [P] of its own identity, 1..N, ties against it; 0 for a stranger
    claimed: Floats  # [P] the similarity to identity 0

    @property
    def stranger(self) -> NDArray[np.bool_]:
        """Bool [P]: who is not enrolled."""
        return np.asarray(self.column < 0)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool [P]: whether the nearest identity is the probe's own."""
        return np.asarray(self.nearest == self.column)


Decide = Callable[[Floats, float], float]
Probability = Callable[[Scored], NDArray[np.floating]]
CannotTell = Callable[[Scored, float], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Judge:
    """How a gallery is answered for; `open_set` says what each part is."""

    decide: Decide
    claim: Decide | None = None
    probability: Probability | None = None
    cannot_tell: CannotTell | None = None
    default: float | None = None


Progress = Callable[[int, int], None]
# Of the probes of one gallery: stated probability, whether it came true, who is a stranger.
_Events = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]


def open_set(
    embeddings: Floats,
    class_index: NDArray[np.int64],
    decide: Decide,
    *,
    claim: Decide | None = None,
    enrolled: int | None = None,
    k_shot: int = 1,
    reserved: int | None = None,
    galleries: int = 200,
    rates: Sequence[float] = RATES,
    seed: int = 0,
    probability: Probability | None = None,
    stranger_prior: float = 0.5,
    cannot_tell: CannotTell | None = None,
    default: float | None = None,
    progress: Progress | None = None,
) -> OpenSetReport:
    """Measure 1:N and 1:1 recognition with strangers at the door (ISO/IEC 19795-1).

    In each gallery some classes are enrolled, with `k_shot` examples each; their other pictures
    are probes, and all pictures of all other classes are strangers. For 1:1, the gallery's first
    identity is claimed by every probe. Similarity is the inner product with the prototype.

    Args:
        embeddings: float32 unit [M, D].
        class_index: int64 [M], the class of each.
        decide: (prototypes [N, D], stated FPIR) -> the smallest accepted similarity; asked for
            each rate in turn with the same array. May raise RateError to refuse the rate.
        claim: likewise, for the claim to be the first of the N at a stated FMR. None: what
            `decide` says of that one alone.
        enrolled: identities in each gallery. None: half of the classes.
        k_shot: examples of each.
        reserved: pictures of each enrolled class kept from the probes, see `draw_galleries`.
        galleries: how many.
        rates: stated FPIRs and FMRs, in (0, 1).
        seed: 0..2**64 - 1.
        probability: the probability [P] that each probe is the identity nearest to it.
        stranger_prior: the share of strangers among the probes that `probability` reckons with;
            its reliability is measured at that share.
        cannot_tell: (probes, threshold) -> bool [P], who gets no answer. Such a probe is missed
            if it is enrolled, and not accepted if it is a stranger. For 1:1 it is shown a gallery
            of the claimed identity alone.
        default: a similarity that is measured as well, as the one that is accepted where no rate is
            supported.
        progress: called with the number of galleries done and the number of all.

    Raises:
        DataError: embeddings that do not fit or are not finite, or data that the galleries cannot
            be drawn from.
        RateError: a rate outside (0, 1), or none.
    """
    began = perf_counter()
    rates = _checked(embeddings, class_index, rates, stranger_prior)
    drawn = draw_galleries(
        class_index,
        enrolled=enrolled,
        k_shot=k_shot,
        reserved=reserved,
        galleries=galleries,
        seed=seed,
    )
    classes = int(class_index.max()) + 1
    identification = [IdentificationTally(rate, classes) for rate in rates]
    verification = [VerificationTally(rate, classes) for rate in rates]
    unstated = IdentificationTally(1.0, classes)
    ranks, det, claims = RankTally(drawn.enrolled.shape[1], classes), Sweep(), Sweep()
    events: list[_Events] = []
    for gallery in range(len(drawn)):
        scored = _score(embeddings, class_index, drawn, gallery)
        kind = class_index[scored.row]
        nobody = np.zeros(len(kind), np.bool_)
        unclear = nobody  # at the loosest rate that is promised
        for row in reversed(identification):
            try:
                threshold = decide(scored.prototypes, row.rate)
            except RateError as error:
                row.refuse(error)
                continue
            unclear = nobody if cannot_tell is None else cannot_tell(scored, threshold)
            row.count(scored, kind, threshold, unclear, drawn.enrolled[gallery])
        if default is not None:
            unsure = nobody if cannot_tell is None else cannot_tell(scored, default)
            unstated.count(scored, kind, default, unsure, drawn.enrolled[gallery])
        alone = _alone(scored)
        for claimed in verification:
            try:
                threshold = (
                    decide(alone.prototypes, claimed.rate)
                    if claim is None
                    else claim(scored.prototypes, claimed.rate)
                )
            except RateError as error:
                claimed.refuse(error.problem)
                continue
            unsure = nobody if cannot_tell is None else cannot_tell(alone, threshold)
            claimed.count(scored, kind, threshold, unsure)
        ranks.count(scored, kind)
        det.count(scored.best, scored.stranger, scored.right)
        claims.count(scored.claimed, scored.column != 0, scored.column == 0)
        if probability is not None:
            # "Cannot tell" states no probability that anybody would act on.
            told = ~unclear
            stated = np.asarray(probability(scored), np.float64)
            events.append((stated[told], scored.right[told], scored.stranger[told]))
        if progress is not None:
            progress(gallery + 1, len(drawn))
    return OpenSetReport(
        classes=len(np.unique(class_index)),
        pictures=len(class_index),
        enrolled=drawn.enrolled.shape[1],
        strangers=len(np.unique(class_index)) - drawn.enrolled.shape[1],
        k_shot=k_shot,
        galleries=galleries,
        seed=seed,
        identification=tuple(row.result() for row in identification),
        verification=tuple(claimed.result() for claimed in verification),
        default=None if default is None else unstated.result(),
        det=det.curve(),
        claims=claims.curve(),
        cmc=ranks.cmc(),
        rank_one=ranks.rank_one(),
        reliability=_reliability(events, stranger_prior),
        stranger_prior=stranger_prior,
        seconds=perf_counter() - began,
    )


def _score(
    embeddings: Floats, class_index: NDArray[np.int64], drawn: Galleries, gallery: int
) -> Scored:
    """Every probe of one gallery against everybody enrolled, block by block."""
    support = drawn.support[gallery]
    reference = prototypes(embeddings[support])
    count = len(reference)
    column_of = np.full(int(class_index.max()) + 1, -1)
    column_of[drawn.enrolled[gallery]] = np.arange(count)
    probing = np.ones(len(embeddings), np.bool_)
    probing[drawn.reserved[gallery].ravel()] = False
    row = np.flatnonzero(probing)
    column = column_of[class_index[row]]

    nearest = np.empty(len(row), np.int64)
    best, second, own, claimed = np.full((4, len(row)), -1, np.float32)
    rank = np.zeros(len(row), np.int64)
    step = max(1, _BLOCK_ENTRIES // count)
    for start in range(0, len(row), step):
        block = slice(start, start + step)
        similarity = embeddings[row[block]] @ reference.T
        at = np.arange(len(similarity))
        nearest[block] = similarity.argmax(axis=1)
        best[block] = similarity[at, nearest[block]]
        claimed[block] = similarity[:, 0]
        known = np.flatnonzero(column[block] >= 0)
        own_here = similarity[known, column[block][known]]
        own[start + known] = own_here
        rank[start + known] = (similarity[known] >= own_here[:, None]).sum(axis=1)
        if count > 1:
            similarity[at, nearest[block]] = -np.inf
            second[block] = similarity.max(axis=1)
    return Scored(reference, support, row, column, nearest, best, second, own, rank, claimed)


def _alone(scored: Scored) -> Scored:
    """The same probes before the first identity alone, as its claim is judged."""
    mine = scored.column == 0
    return replace(
        scored,
        prototypes=scored.prototypes[:1],
        support=scored.support[:1],
        column=np.where(mine, 0, -1),
        nearest=np.zeros_like(scored.nearest),
        best=scored.claimed,
        second=np.full_like(scored.second, -1),
        own=np.where(mine, scored.claimed, np.float32(-1)),
        rank=mine.astype(np.int64),
    )


def _reliability(events: list[_Events], stranger_prior: float) -> Reliability | None:
    if not events:
        return None
    probability, right, stranger = (
        np.concatenate([event[field] for event in events]) for field in range(3)
    )
    strangers = int(stranger.sum())
    enrolled = len(stranger) - strangers
    if min(strangers, enrolled) == 0:
        return None
    weight = np.where(stranger, stranger_prior / strangers, (1 - stranger_prior) / enrolled)
    return reliability(probability, right, weight)


def _checked(
    embeddings: Floats,
    class_index: NDArray[np.int64],
    rates: Sequence[float],
    stranger_prior: float,
) -> tuple[float, ...]:
    """The rates, loosest first and each once."""
    if embeddings.ndim != 2 or class_index.shape != embeddings.shape[:1] or not len(embeddings):
        raise DataError(
            f"embeddings of shape {list(embeddings.shape)} do not fit classes of shape "
            f"{list(class_index.shape)}",
            "Pass embeddings [M, D] and the class index [M] of each, M at least 1",
        )
    if not np.isfinite(embeddings).all():
        raise DataError("the embeddings are not finite", "Embed the pictures again")
    if not rates:
        raise RateError("no rate is stated", "State at least one, such as 0.01")
    for name, value in (
        *(("rate", rate) for rate in rates),
        ("stranger_prior", stranger_prior),
    ):
        if not 0 < value < 1:
            raise RateError(
                f"{name}={value} is not between 0 and 1", "State a fraction, such as 0.01"
            )
    return tuple(sorted(set(rates), reverse=True))
