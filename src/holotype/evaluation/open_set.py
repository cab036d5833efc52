"""Play many galleries: some classes enrolled, their other pictures probes, the rest strangers.

Every answer is the `Matcher`'s; here it is only counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError, RateError
from holotype.evaluation.galleries import Galleries, draw_galleries
from holotype.evaluation.open_set_report import OpenSetReport
from holotype.evaluation.open_set_tallies import (
    IdentificationTally,
    Probes,
    RankTally,
    Sweep,
    VerificationTally,
)
from holotype.openset import Matcher, Matches
from holotype.records import OnCount
from holotype.stats.reliability import Reliability, reliability
from holotype.stats.scoring import Floats

RATES = (0.1, 0.01, 0.001)
# Similarities that are held at a time: they fit the processor's cache.
_BLOCK_ENTRIES = 1 << 18


Prepare = Callable[[Floats], Matcher]
# Of the probes of one gallery: stated probability, whether it came true, who is a stranger.
_Events = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]


def open_set(
    embeddings: Floats,
    class_index: NDArray[np.int64],
    prepare: Prepare,
    *,
    doubtful: NDArray[np.bool_] | None = None,
    enrolled: int | None = None,
    k_shot: int = 1,
    reserved: int | None = None,
    galleries: int = 200,
    rates: Sequence[float] = RATES,
    seed: int = 0,
    impostor_prior: float = 0.5,
    progress: OnCount | None = None,
) -> OpenSetReport:
    """Open-set identification (1:N) and verification (1:1), in the terms of ISO/IEC 19795-1.

    In each gallery some classes are enrolled, with `k_shot` examples each; their other pictures
    are probes, and all pictures of all other classes are strangers. For 1:1, the gallery's first
    identity is claimed by every probe. Who cannot be told is missed if it is enrolled, and not
    accepted if it is a stranger.

    Args:
        embeddings: float32 unit [M, D].
        class_index: int64 [M], the class of each.
        prepare: enrolls a gallery: its examples, float32 unit [N, K, D] -> the Matcher that
            answers for it, such as `partial(Matcher.of_support, model)`.
        doubtful: bool [M], the pictures that get no answer in any gallery; None: none.
        enrolled: identities in each gallery. None: half of the classes.
        k_shot: examples of each.
        reserved: pictures of each enrolled class kept from the probes, see `draw_galleries`.
        galleries: how many.
        rates: stated FPIRs and FMRs, in (0, 1).
        seed: 0..2**64 - 1.
        impostor_prior: the share of strangers among the probes that probabilities reckon with;
            their reliability is measured at that share.
        progress: called with the number of galleries done and the number of all.

    Raises:
        DataError: embeddings that do not fit or are not finite, or data that the galleries cannot
            be drawn from.
        RateError: a rate outside (0, 1), or none.
    """
    began = perf_counter()
    rates = _checked(embeddings, class_index, rates, impostor_prior)
    drawn = draw_galleries(
        class_index,
        enrolled=enrolled,
        k_shot=k_shot,
        reserved=reserved,
        galleries=galleries,
        seed=seed,
    )
    classes = int(class_index.max()) + 1
    if doubtful is None:
        doubtful = np.zeros(len(embeddings), np.bool_)
    identification = [IdentificationTally(rate, classes) for rate in rates]
    verification = [VerificationTally(rate, classes) for rate in rates]
    unstated = IdentificationTally(1.0, classes)
    ranks, det, claims = RankTally(drawn.enrolled.shape[1], classes), Sweep(), Sweep()
    events: list[_Events] = []
    familiarity: NDArray[np.float64] | None = None
    for gallery in range(len(drawn)):
        matcher = prepare(embeddings[drawn.support[gallery]])
        if familiarity is None:  # the same in every gallery of a model
            familiarity = matcher.model.novelty.p_value(embeddings)
        probes = _compared(matcher, embeddings, class_index, drawn, gallery, familiarity)
        kind, doubts = class_index[probes.row], doubtful[probes.row]
        told = np.ones(len(kind), np.bool_)  # at the loosest rate that is not refused
        by_default: Matches | None = None
        for row in reversed(identification):
            try:
                found = matcher.decide(probes.compared, row.rate, doubts)
            except RateError as error:
                row.refuse(error)
                continue
            if found.basis == "default":  # the same at every rate, and kept at none
                row.refuse(matcher.evidence.refusal(row.rate))
                by_default = found
                continue
            told = ~found.cannot_tell
            row.count(probes, kind, found, drawn.enrolled[gallery])
        if by_default is not None:
            unstated.count(probes, kind, by_default, drawn.enrolled[gallery])
        for claimed in verification:
            try:
                found = matcher.decide(probes.claimed, claimed.rate, doubts)
            except RateError as error:
                claimed.refuse(error.problem)
                continue
            if found.basis == "default":
                claimed.refuse(matcher.evidence.refusal(claimed.rate, 0).problem)
                continue
            claimed.count(probes, kind, found)
        ranks.count(probes, kind)
        det.count(probes.best, probes.stranger, probes.right)
        claims.count(probes.claimed.similarity[:, 0], probes.column != 0, probes.column == 0)
        stated = matcher.probability(probes.compared, impostor_prior)
        # "Cannot tell" states no probability that anybody would act on.
        told &= np.isfinite(stated)
        events.append((stated[told], probes.right[told], probes.stranger[told]))
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
        default=unstated.result() if unstated.galleries else None,
        det=det.curve(),
        claims=claims.curve(),
        cmc=ranks.cmc(),
        rank_one=ranks.rank_one(),
        reliability=_reliability(events, impostor_prior),
        stranger_prior=impostor_prior,
        seconds=perf_counter() - began,
    )


def _compared(
    matcher: Matcher,
    embeddings: Floats,
    class_index: NDArray[np.int64],
    drawn: Galleries,
    gallery: int,
    familiarity: NDArray[np.float64],
) -> Probes:
    """Every probe of one gallery, compared with everybody enrolled and with the first alone."""
    column_of = np.full(int(class_index.max()) + 1, -1)
    column_of[drawn.enrolled[gallery]] = np.arange(drawn.enrolled.shape[1])
    probing = np.ones(len(embeddings), np.bool_)
    probing[drawn.reserved[gallery].ravel()] = False
    row = np.flatnonzero(probing)
    column = column_of[class_index[row]]
    vectors, familiar = embeddings[row], familiarity[row]

    own, rank = np.full(len(row), -1, np.float32), np.zeros(len(row), np.int64)
    known = np.flatnonzero(column >= 0)
    step = max(1, _BLOCK_ENTRIES // len(matcher.prototypes))
    for start in range(0, len(known), step):
        at = known[start : start + step]
        similarity = vectors[at] @ matcher.prototypes.T
        own[at] = similarity[np.arange(len(at)), column[at]]
        rank[at] = (similarity >= own[at, None]).sum(axis=1)
    return Probes(
        support=drawn.support[gallery],
        row=row,
        column=column,
        own=own,
        rank=rank,
        compared=matcher.compare(vectors, familiarity=familiar),
        claimed=matcher.compare(vectors, 0, familiarity=familiar),
    )


def _reliability(events: list[_Events], impostor_prior: float) -> Reliability | None:
    if not events:
        return None
    probability, right, stranger = (
        np.concatenate([event[field] for event in events]) for field in range(3)
    )
    strangers = int(stranger.sum())
    enrolled = len(stranger) - strangers
    if min(strangers, enrolled) == 0:
        return None
    weight = np.where(stranger, impostor_prior / strangers, (1 - impostor_prior) / enrolled)
    return reliability(probability, right, weight)


def _checked(
    embeddings: Floats,
    class_index: NDArray[np.int64],
    rates: Sequence[float],
    impostor_prior: float,
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
        ("stranger_prior", impostor_prior),
    ):
        if not 0 < value < 1:
            raise RateError(
                f"{name}={value} is not between 0 and 1", "State a fraction, such as 0.01"
            )
    return tuple(sorted(set(rates), reverse=True))
