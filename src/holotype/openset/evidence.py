"""What a threshold rests on: the enrolled, own strangers, the cohort, or a default.

- *guaranteed*: the rank of the stranger's score among those of the owner's own strangers (M
  classes, from 1/(M + 1)), or else among those of the enrolled (`openset.enrolled`, from
  2/(N + 1)). It holds whatever the network, the domain and the distribution, for strangers like
  those.
- *estimated*: below that, by the cohort, moved to where own strangers lie if there are some; where
  it is contradicted, or cannot tell, by the tail of what the enrolled reach among themselves.
  Unlabeled pictures from the place of use (`openset.unlabeled`) say likewise: the stricter of these
  and the cohort counts, the tail where neither can tell. Where they show that probes are of another
  kind than what is enrolled, as photographs are beside a catalogue, the enrolled and the cohort say
  nothing, and they alone count.
- *default*: a constant of the model, where nothing else is known.

The cohort comes from the pack's domain, and says nothing of another one. Whether the gallery
belongs to it is tested: the enrolled should not be more alike to one another than the cohort is.
Few enrolled seldom contradict it even where it is wrong, so it is believed as far as they agree:
with a weight of w, the enrolled's own tail has to keep the rate / (1 - w). If the cohort is right
the rate is kept; if it is not, it is exceeded by as much as the enrolled spoke for the cohort.
Taking the smaller of two thresholds would destroy a guarantee, and is done nowhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.forking import cached_property
from holotype.openset import predictive, scatter
from holotype.openset.agreement import Agreement
from holotype.openset.cohort import Cohort
from holotype.openset.enrolled import EnrolledScores, exceed, ranks_allowed
from holotype.openset.impostors import Difference
from holotype.openset.site import Impostors
from holotype.openset.threshold import refusal
from holotype.openset.unlabeled import UnlabeledScores
from holotype.stats.scoring import Floats

RateKind = Literal["fpir", "fmr"]
Basis = Literal["guaranteed", "estimated", "default"]
Source = Literal["enrolled", "site", "cohort", "unlabeled", "default"]

# The tail of N scores is followed down to this share of 1 / (N + 1).
_BEYOND = 0.05
# Where nobody states a rate. It is also that of look-alikes, of suspects, and of pictures that may
# become examples.
USUAL_RATE = 0.01
_ANY_RATE = 0.1
# What a picture reaches with itself: 1, but for the rounding of float32.
_SAME = 1 - 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Threshold:
    """From which similarity a probe is accepted, and what that rests on."""

    values: Floats  # [N] of each identity; [1] of a claim; [0] when nobody is enrolled
    rate: float  # that it stands for
    basis: Basis
    source: Source
    # [N] likewise, where the probe's runner-up is no more alike to it than the identity's own
    # example is to another; None: the same
    strict: Floats | None = None

    @property
    def promised(self) -> bool:
        """Whether impostors set it, so that it keeps the stated rate for others like them."""
        return self.basis != "default"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of impostors of one state of a gallery; made by `of`, then `follow`ed."""

    enrolled: EnrolledScores
    impostors: Impostors
    default: float | None = None
    unlabeled: Floats | None = None  # [U, D] pictures from the place of use
    _claims: dict[int, Impostors] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        site: Cohort,
        keys: Sequence[Hashable],
        prototypes: Floats,
        exemplars: Floats,
        examples: int = 1,
        default: float | None = None,
    ) -> Self:
        """Gather it.

        Args:
            cohort: of the model pack.
            site: the owner's own strangers, or nobody.
            keys: N distinct ones.
            prototypes: float32 unit [N, D].
            exemplars: float32 unit [N, D], one example of each identity.
            examples: how many an identity typically has.
            default: the similarity that is accepted where nothing else is known.
        """
        return cls(
            EnrolledScores.of(keys, prototypes, exemplars),
            Impostors.of(cohort, site, keys, prototypes, examples),
            default,
        )

    def follow(
        self,
        keys: Sequence[Hashable],
        prototypes: Floats,
        exemplars: Floats,
        examples: int,
        changes: Difference,
    ) -> Self:
        """Of the next state of the gallery, at the cost of what differs (`changes`).

        Everybody was shown before, and is now; otherwise it is gathered anew (`evidence_of`).
        """
        return replace(
            self,
            enrolled=self.enrolled.follow(keys, prototypes, exemplars, changes),
            impostors=self.impostors.follow(keys, prototypes, examples, changes),
            _claims={},
        )

    def with_site(self, site: Cohort) -> Self:
        """The same with other own strangers."""
        return replace(self, impostors=self.impostors.with_site(site), _claims={})

    def with_unlabeled(self, vectors: Floats) -> Self:
        """The same with other unlabeled pictures: float32 unit [U, D]."""
        return replace(self, unlabeled=vectors, _claims={})

    @cached_property
    def visitors(self) -> UnlabeledScores | None:
        """What those on unlabeled pictures reach; None where nothing can be said of them."""
        if self.unlabeled is None or not len(self.unlabeled):
            return None
        enrolled = self.enrolled
        among = enrolled.among(predictive.some(len(enrolled)))
        return UnlabeledScores.of(self.unlabeled, enrolled.prototypes, among, enrolled.best)

    @property
    def another_kind(self) -> bool:
        """Whether probes are of another kind than what is enrolled."""
        return self.visitors is not None and self.visitors.another_kind

    def against(self, claim: int | None) -> Impostors:
        """What impostors reach against everybody, or against the one that they claim to be."""
        if claim is None:
            return self.impostors
        if claim not in self._claims:
            self._claims.clear()  # the last one only: each is as large as the cohort
            self._claims[claim] = self.impostors.claim(self.enrolled.keys[claim])
        return self._claims[claim]

    def threshold(
        self, rate: float | None, claim: int | None = None, confidence: float | None = None
    ) -> Threshold:
        """From which similarity a probe is accepted, so that impostors are at the stated rate.

        Args:
            rate: in (0, 1): an FPIR, or the FMR of a claim. None: nobody stated one, and it is
                `USUAL_RATE` or, where only a tail would support that, the smallest that ranks or
                the cohort support.
            claim: the identity that is claimed; None: any may be the answer.
            confidence: in (0, 1): in this share of galleries the rate is kept, as far as can be
                estimated; None: on average over all galleries.

        Raises:
            RateError: the rate was stated, nothing supports it, and there is no default; names
                the smallest that is supported. Or a confidence without a stated rate.
        """
        if confidence is not None:
            return self._confident(rate, claim, confidence)
        if not len(self.enrolled):
            return Threshold(np.empty(0, np.float32), rate or USUAL_RATE, "estimated", "cohort")
        if rate is None:
            return self._usual(claim)
        found = self._by_rank(rate, claim) or self._by_estimate(rate, claim)
        if found is not None:
            return found
        if self.default is None:
            raise self.refusal(rate, claim)
        return self._flat(self.default, rate, claim, "default", "default")

    def _confident(self, rate: float | None, claim: int | None, confidence: float) -> Threshold:
        name = "fpir" if claim is None else "fmr"
        if rate is None:
            raise RateError(
                f"confidence={confidence:g} is of a stated rate", f"State one, such as {name}=0.1"
            )
        weight = self._weight(claim)
        try:
            found = self.threshold(scatter.mean_rate(rate, confidence, *weight), claim)
        except RateError:
            smallest = self.smallest_rate(claim=claim)
            if smallest < 1:
                smallest = scatter.confident_rate(smallest, confidence, *weight)
            raise refusal(rate, name, self._who(), smallest, confidence) from None
        basis = "estimated" if found.basis == "guaranteed" else found.basis
        return replace(found, rate=rate, basis=basis)

    def band(self, rate: float) -> tuple[float, float] | None:
        """What a tenth of galleries like this let in at most, and a tenth at least.

        Args:
            rate: an FPIR that ranks carry.

        Returns:
            None where they do not: then nothing is known of it.
        """
        if not len(self.enrolled) or rate < min(self._rank_rates(None)):
            return None
        return scatter.band(rate, *self._weight(None))

    def _weight(self, claim: int | None) -> tuple[int, float]:
        """How many exchangeable classes set the threshold, and what each of them weighs."""
        if len(self._site_exemplars):
            return len(self._site_exemplars) + 1, 1.0
        return (len(self.enrolled.rows) + 1, 0.5) if claim is None else (len(self.enrolled.rows), 1)

    def refusal(self, rate: float, claim: int | None = None) -> RateError:
        """The error for a rate that nothing supports."""
        name = "fpir" if claim is None else "fmr"
        return refusal(rate, name, self._who(), self.smallest_rate(claim=claim))

    def _usual(self, claim: int | None) -> Threshold:
        rates = self._rank_rates(claim)
        if min(rates) > USUAL_RATE and self._cohort_counts:
            rates.append(self._cohort_rate(claim))
        if self.visitors is not None and claim is None:
            rates.append(self.visitors.evidence.smallest)
        # The tail of few enrolled reaches farther, at a price that only who asks for it would pay.
        rate = max(USUAL_RATE, min(rates))
        if rate < 1:
            found = self._by_rank(rate, claim) or self._by_estimate(rate, claim, stated=False)
            if found is not None:
                return found
        # Nothing is known of impostors: without a default, only the very same picture is a match.
        level = _SAME if self.default is None else self.default
        return self._flat(level, USUAL_RATE, claim, "default", "default")

    def _cohort_rate(self, claim: int | None) -> float:
        """The usual rate if the cohort supports it, or else the smallest; that is a long search."""
        impostors = self.against(claim)
        with suppress(RateError):
            impostors.threshold(USUAL_RATE, "fpir")
            return USUAL_RATE
        return impostors.smallest_rate()

    def _flat(
        self, level: float, rate: float, claim: int | None, basis: Basis, source: Source
    ) -> Threshold:
        """One similarity for everybody, at least what a looser rate demands."""
        count = len(self.enrolled) if claim is None else 1
        values = np.maximum(np.full(count, level, np.float32), self._looser(rate, claim))
        return Threshold(values, rate, basis, source)

    def smallest_rate(self, guaranteed: bool = False, claim: int | None = None) -> float:
        """The smallest rate that is supported, a fraction; 1.0 if none.

        Args:
            guaranteed: whether only guarantees count; False: estimates as well.
            claim: the identity that is claimed; None: identification.
        """
        if not len(self.enrolled):
            return 1.0
        rates = self._rank_rates(claim)
        if guaranteed:
            exact = claim is not None or self.enrolled.exact
            return min(rates if exact else rates[1:], default=1.0)
        if self._cohort_counts:
            rates.append(self.against(claim).smallest_rate())
        if self.visitors is not None and claim is None:
            rates.append(self.visitors.evidence.smallest)
        if not self.another_kind and self._tails(_ANY_RATE, claim):
            rates.append(self._tail_rate)
        return min(rates, default=1.0)

    @cached_property
    def agreement(self) -> Agreement:
        """Whether the gallery is of the cohort's world."""
        return Agreement.of(self.enrolled.best, self.impostors.cohort.values)

    def _by_rank(self, rate: float, claim: int | None) -> Threshold | None:
        """By the rule of ranks, of own strangers or else of the enrolled; None below its reach."""
        allowed = ranks_allowed(rate, len(self._site_exemplars) + 1) - 1
        if len(self._site_exemplars) and allowed >= 0:
            reached = self.against(claim).site.best[self._site_exemplars].astype(np.float64)
            level = exceed(np.sort(reached)[::-1], allowed)
            count = len(self.enrolled) if claim is None else 1
            return Threshold(np.full(count, level), rate, "guaranteed", "site")
        enrolled = self.enrolled
        if self.another_kind:
            return None
        if claim is not None:
            if len(enrolled) < 2 or rate < enrolled.smallest_claim_rate:
                return None
            level = enrolled.claim_threshold(claim, rate)
            return Threshold(np.full(1, level), rate, "guaranteed", "enrolled")
        if len(enrolled) < 2 or rate < enrolled.smallest_rate:
            return None
        loose, strict = enrolled.thresholds(rate)
        if enrolled.exact:
            return Threshold(strict, rate, "guaranteed", "enrolled")
        return Threshold(loose, rate, "estimated", "enrolled", strict)

    def _by_estimate(self, rate: float, claim: int | None, stated: bool = True) -> Threshold | None:
        """By the stricter of cohort and unlabeled pictures, else by the tail; None: nobody knows.

        Few enrolled's doubts about the cohort cost many misses: only who states a rate pays that.
        """
        found: list[tuple[Floats, Source]] = []
        count = len(self.enrolled) if claim is None else 1
        if self.visitors is not None and claim is None:
            level = self.visitors.evidence.at(rate)
            if level is not None:
                found.append((np.full(count, level, np.float32), "unlabeled"))
        if self._cohort_counts:
            with suppress(RateError):
                name = "fpir" if claim is None else "fmr"
                level = self.against(claim).threshold(rate, name)
                found.append((np.full(count, level, np.float32), "cohort"))
                if claim is None and stated:
                    found.append((self._doubt(rate), "enrolled"))
        if found:
            values = np.max([levels for levels, _ in found], axis=0)
            _, source = max(found, key=lambda one: float(one[0].max()))
            return Threshold(values, rate, "estimated", source)
        if self.another_kind or rate < self._tail_rate:
            return None
        tails = self._tails(rate, claim)
        return self._flat(max(tails), rate, claim, "estimated", "enrolled") if tails else None

    def _doubt(self, rate: float) -> Floats:
        """What the enrolled demand where they do not quite agree with the cohort: float32 [N]."""
        unsure = 1 - self.agreement.weight
        if self.impostors.site_counts or rate >= unsure:
            return np.full(len(self.enrolled), -1, np.float32)
        left = max(rate / unsure, self._tail_rate)
        if left >= self.enrolled.smallest_rate:
            return self.enrolled.thresholds(left)[0]
        tail = max(self._tails(left, None), default=-1.0)
        return np.maximum(np.float32(tail), self._looser(left, None))

    def _tails(self, rate: float, claim: int | None) -> list[float]:
        if claim is not None:
            tails = [predictive.of_best(self.enrolled.reached(claim), rate)]
        else:
            some = predictive.some(len(self.enrolled))
            among = self.enrolled.among(some)
            tails = [
                predictive.of_best(self.enrolled.best, rate),
                predictive.of_pairs(among, len(self.enrolled), rate),
            ]
        return [tail for tail in tails if tail is not None]

    def _looser(self, rate: float, claim: int | None) -> Floats | np.float32:
        """What the smallest rate that a rank reaches demands; a stricter one demands no less."""
        found = [self._by_rank(one, claim) for one in self._rank_rates(claim) if rate < one < 1]
        levels = [one.values if one.strict is None else one.strict for one in found if one]
        return np.max(levels, axis=0) if levels else np.float32(-1)

    def _rank_rates(self, claim: int | None) -> list[float]:
        """The smallest rates that ranks reach: of the enrolled first, then of own strangers."""
        enrolled = self.enrolled
        rates = [enrolled.smallest_rate if claim is None else enrolled.smallest_claim_rate]
        if self.another_kind:
            rates = [1.0]
        if len(self._site_exemplars):
            rates.append(1 / (len(self._site_exemplars) + 1))
        return [min(rate, 1.0) for rate in rates]

    @property
    def _tail_rate(self) -> float:
        return _BEYOND / (len(self.enrolled.rows) + 1)

    @cached_property
    def _site_exemplars(self) -> NDArray[np.int64]:
        """One item of each class of own strangers: who can be ranked."""
        return np.unique(self.impostors.site.cohort.class_index, return_index=True)[1]

    @property
    def _cohort_counts(self) -> bool:
        if self.impostors.site_counts:
            return True  # they move the cohort to where this place is
        if self.another_kind:
            return False
        return len(self.impostors.cohort.cohort) > 0 and not self.agreement.contradicted

    def _who(self) -> str:
        """Whose evidence it was that did not suffice."""
        kinds = [f"{len(self.enrolled)} enrolled"]
        if len(self._site_exemplars):
            kinds.append(f"own strangers of {len(self._site_exemplars)} classes")
        if self.visitors is not None:
            kinds.append(f"unlabeled pictures of {self.visitors.visitors} visitors")
        cohort = self.impostors.cohort.cohort
        if len(cohort):
            unlike = "" if self._cohort_counts else ", which is unlike this gallery,"
            kinds.append(f"a cohort of {cohort.classes} classes{unlike}")
        return " and ".join(kinds)
