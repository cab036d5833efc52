"""What an open-set test measured, in the terms of ISO/IEC 19795-1. All shares are fractions.

N = identities enrolled in a gallery, C = classes of the data, P = points of a curve.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holotype.openset.evidence import Basis, Source
from holotype.stats.bootstrap import Share
from holotype.stats.reliability import Reliability

MistakeKind = Literal["stranger_accepted", "taken_for_another", "missed"]
_JSON_RANKS = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One probe that got the wrong answer. Rows index the embeddings that were measured."""

    kind: MistakeKind
    probe: int  # row
    true_class: int
    nearest_class: int  # the enrolled class that is most like it
    own_reference: int | None  # row of the enrolled example; None for a stranger
    nearest_reference: int  # row
    similarity: float  # to the nearest class, in [-1, 1]
    own_similarity: float | None  # to the true class; None for a stranger
    threshold: float

    @property
    def margin(self) -> float:
        """How far on the wrong side of the threshold it lies, at least 0."""
        if self.kind == "missed" and self.own_similarity is not None:
            return self.threshold - self.own_similarity
        return self.similarity - self.threshold


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts for each class as the class of the probe, over all galleries. int64 [C] each."""

    stranger_probes: NDArray[np.int64]
    accepted: NDArray[np.int64]  # strangers taken for somebody
    enrolled_probes: NDArray[np.int64]
    missed: NDArray[np.int64]  # whatever the reason: FNIR counts these
    taken_for_another: NDArray[np.int64]  # of the missed
    cannot_tell: NDArray[np.int64]  # of the missed
    strangers_cannot_tell: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BasisCount:
    """What the thresholds of some galleries rest on."""

    basis: Basis
    source: Source
    galleries: int  # how many


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why probes got no answer: shares of all probes of a kind. The first that applies counts."""

    unfit: float  # the picture's quality, or its kind
    unfamiliar: float  # unlike anything that the model was prepared for
    tied: float  # two of the enrolled fit equally well


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """1:N at one stated FPIR. The shares are None where every gallery refused the rate."""

    rate: float  # the stated FPIR
    galleries: int  # in which the rate was supported
    refused: int  # galleries in which it was refused
    refusal: str | None  # why, the first time
    smallest: float | None  # supported rate, the median over the galleries that refused
    fpir: Share | None  # strangers accepted
    fnir: Share | None  # enrolled probes not answered with their own identity
    taken_for_another: Share | None  # enrolled probes answered with another identity
    cannot_tell: Share | None  # enrolled probes; FNIR counts them
    strangers_cannot_tell: Share | None  # strangers; not accepted
    enrolled_no_answer: NoAnswer | None
    strangers_no_answer: NoAnswer | None
    threshold: float | None  # median over the galleries
    grounds: tuple[BasisCount, ...]  # of the galleries that answered, most of them first
    tally: Tally = field(repr=False)
    mistakes: tuple[Mistake, ...] = field(repr=False)  # the worst of each kind, worst first

    def to_json(self) -> dict[str, Any]:
        """The figures, ready for `json.dumps`."""
        return {
            "stated_fpir": self.rate,
            "galleries": self.galleries,
            "galleries_refused": self.refused,
            "refusal": self.refusal,
            "rests_on": [asdict(ground) for ground in self.grounds],
            "smallest_supported": None if self.smallest is None else round(self.smallest, 6),
            "fpir": _json(self.fpir),
            "fnir": _json(self.fnir),
            "taken_for_another": _json(self.taken_for_another),
            "cannot_tell": _json(self.cannot_tell),
            "strangers_cannot_tell": _json(self.strangers_cannot_tell),
            "no_answer": {
                "enrolled": _why(self.enrolled_no_answer),
                "strangers": _why(self.strangers_no_answer),
            },
            "median_threshold": None if self.threshold is None else round(self.threshold, 6),
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """1:1 at one stated FMR, for one claimed identity in each gallery."""

    rate: float  # the stated FMR
    claims: int  # identities claimed
    refused: int  # claims for which the rate was refused
    refusal: str | None
    fmr: Share | None  # impostors accepted
    fnmr: Share | None  # genuine probes turned away

    def to_json(self) -> dict[str, Any]:
        """The figures, ready for `json.dumps`."""
        return {
            "stated_fmr": self.rate,
            "claims": self.claims,
            "claims_refused": self.refused,
            "refusal": self.refusal,
            "fmr": _json(self.fmr),
            "fnmr": _json(self.fnmr),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Error trade-off of one threshold for all galleries, swept from strict to loose."""

    threshold: NDArray[np.float64]  # [P] descending
    false_accepts: NDArray[np.float64]  # [P] FPIR or FMR, ascending
    misses: NDArray[np.float64]  # [P] FNIR or FNMR, descending

    def misses_at(self, rate: float) -> float:
        """FNIR or FNMR where `rate` is the measured FPIR or FMR, between points interpolated."""
        return float(np.interp(rate, self.false_accepts, self.misses))

    def to_json(self, accepts: str, misses: str) -> list[dict[str, float]]:
        """The points, under the names of the two errors."""
        return [
            {"threshold": round(t, 4), accepts: round(a, 6), misses: round(m, 6)}
            for t, a, m in zip(
                self.threshold.tolist(),
                self.false_accepts.tolist(),
                self.misses.tolist(),
                strict=True,
            )
        ]


@dataclass(frozen=True, slots=True, eq=False)
class OpenSetReport:
    """What many galleries of one size, with one number of examples each, measured."""

    classes: int  # C
    pictures: int
    enrolled: int  # N, in each gallery
    strangers: int  # classes that are strangers to each gallery
    k_shot: int
    galleries: int
    seed: int
    identification: tuple[Identification, ...]  # by stated rate, loosest first
    verification: tuple[Verification, ...]  # likewise
    det: Curve  # FPIR against FNIR, of the similarities alone
    claims: Curve  # FMR against FNMR, likewise
    cmc: NDArray[np.float64]  # [N] rank-k identification rate for k = 1..N, without a threshold
    rank_one: Share
    reliability: Reliability | None  # None where no probabilities were given
    stranger_prior: float  # share of strangers that the probabilities were weighted for
    seconds: float
    # The threshold of `identify` where no rate is supported; its `rate` is 1: none is stated.
    default: Identification | None = None

    def at(self, rate: float) -> Identification:
        """The row of a stated rate; KeyError where it was not measured."""
        for row in self.identification:
            if row.rate == rate:
                return row
        raise KeyError(rate)

    def to_json(self) -> dict[str, Any]:
        """The figures, ready for `json.dumps`; shares and rates are fractions."""
        ranks = sorted({k for k in (*_JSON_RANKS, len(self.cmc)) if k <= len(self.cmc)})
        return {
            "enrolled": self.enrolled,
            "stranger_classes": self.strangers,
            "examples": self.k_shot,
            "galleries": self.galleries,
            "seed": self.seed,
            "identification": [row.to_json() for row in self.identification],
            "default_threshold": None
            if self.default is None
            else {**self.default.to_json(), "stated_fpir": None},
            "verification": [row.to_json() for row in self.verification],
            "rank_identification_rate": {
                str(rank): round(float(self.cmc[rank - 1]), 6) for rank in ranks
            },
            "rank_1_ci95": self.rank_one.to_json()["ci95"],
            "det": self.det.to_json("fpir", "fnir"),
            "verification_det": self.claims.to_json("fmr", "fnmr"),
            "reliability": None
            if self.reliability is None
            else {"stranger_prior": self.stranger_prior, **self.reliability.to_json()},
            "seconds": round(self.seconds, 2),
        }


def _why(found: NoAnswer | None) -> dict[str, float] | None:
    return None if found is None else {key: round(share, 6) for key, share in asdict(found).items()}


def _json(share: Share | None) -> dict[str, Any] | None:
    return None if share is None else share.to_json()
