"""What a gallery can say of strangers, before anybody is asked about."""

from __future__ import annotations

import numpy as np

from holotype.errors import RateError
from holotype.openset import Evidence, Matcher, parse_rate
from holotype.openset.drift import drift as compared
from holotype.openset.enrolled import classes_needed
from holotype.openset.evidence import USUAL_RATE
from holotype.recognizer.index_search import IndexSearch
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import State
from holotype.records import Crowding, Drift, KnownRate, StatedRate, Status

SHOWN_RATES = (0.3, 0.1, 0.05, 0.01)
# Two of the enrolled crowd the others where without one of them a probe may be so many times as
# far from who it shows.
_CROWDING = 2.0


def status(recognizer: Recognizer) -> Status:
    """Which rates are guaranteed and estimated here, by whom, and what would guarantee 1 %.

    Args:
        recognizer: whose gallery it is.

    Raises:
        GalleryError: the gallery cannot be read.
    """
    state = recognizer.state
    matcher = state.matcher
    evidence, search = matcher.evidence, matcher.search
    count, strangers = len(state.labels), evidence.impostors.site_classes
    known = matcher.smallest_rate(guaranteed=True) <= USUAL_RATE
    exact = evidence.enrolled.exact
    return Status(
        enrolled=count,
        examples=len(state.snapshot.vectors),
        own_classes=strangers,
        cohort_classes=evidence.impostors.cohort.cohort.classes,
        data=recognizer.cohort_data,
        guaranteed=matcher.smallest_rate(guaranteed=True),
        estimated=matcher.smallest_rate(),
        usual=_known(matcher, None),
        rates=known_rates(matcher),
        target=USUAL_RATE,
        missing_enrolled=_missing(2, count, known) if exact else None,
        missing_strangers=_missing(1, strangers, known and count > 0),
        cohort_contradicted=_contradicted(evidence),
        crowding=_crowding(state),
        drift=drift(recognizer),
        index=search.measured() if isinstance(search, IndexSearch) else None,
    )


def drift(recognizer: Recognizer) -> Drift:
    """Whether what was asked since the recognizer was opened looks like what set the thresholds.

    Args:
        recognizer: that was asked; probes of one tag do not count.

    Raises:
        GalleryError: the gallery cannot be read.
    """
    found = compared(recognizer.state.matcher.evidence.enrolled, recognizer.last)
    return Drift(found.probes, found.direction, found.p_value)


def known_rates(matcher: Matcher) -> tuple[KnownRate, ...]:
    """What is known of the rates that are shown, from lenient to strict; empty of nobody."""
    if not len(matcher.evidence.enrolled):
        return ()
    return tuple(_known(matcher, rate) for rate in SHOWN_RATES)


def stated(recognizer: Recognizer, fpir: float | str | None = None) -> StatedRate:
    """What one rate means here: who sets it, from where it accepts, and whom it misses.

    Args:
        recognizer: whose gallery it is.
        fpir: the share of strangers that may be accepted, in (0, 1); None: the usual one.

    Raises:
        RateError: the rate is no fraction, or not supported by this gallery.
        GalleryError: the gallery cannot be read.
    """
    rate = None if fpir is None else parse_rate(fpir, "fpir")
    matcher = recognizer.state.matcher
    found = _known(matcher, rate, refused=True)
    return StatedRate(
        rate=found.rate,
        known=found.known,
        source=found.source,
        threshold=found.threshold,
        missed=matcher.missed(rate),
        guaranteed=matcher.smallest_rate(guaranteed=True),
        estimated=matcher.smallest_rate(),
        drift=drift(recognizer),
    )


def _missing(taken: int, present: int, known: bool) -> int:
    return 0 if known else max(0, classes_needed(USUAL_RATE, taken) - 1 - present)


def _known(matcher: Matcher, rate: float | None, *, refused: bool = False) -> KnownRate:
    try:
        found = matcher.threshold(rate)
    except RateError:
        if refused:
            raise
        assert rate is not None  # only a stated one is refused
        return KnownRate(rate, None, None, None)
    if not len(found.values):
        return KnownRate(found.rate, None, None, None)
    level = float(np.median(found.values))
    band = matcher.evidence.band(found.rate) if found.source in ("enrolled", "site") else None
    return KnownRate(found.rate, found.basis, found.source, level, band)


def _contradicted(evidence: Evidence) -> bool | None:
    if len(evidence.enrolled) < 2 or not len(evidence.impostors.cohort.cohort):
        return None
    if evidence.another_kind:  # then the enrolled say nothing of it
        return None
    return evidence.agreement.contradicted


def _crowding(state: State) -> Crowding | None:
    """The pair that sets the threshold, if it is that much stricter for them."""
    closest = state.matcher.evidence.enrolled.closest
    usual = _known(state.matcher, None)
    if closest is None or usual.source != "enrolled":
        return None
    fewer = [_known(state.matcher.without(one), None).threshold for one in closest]
    left = min(level for level in fewer if level is not None)
    assert usual.threshold is not None
    if 1 - left < _CROWDING * (1 - usual.threshold):
        return None
    first, second = sorted(closest)
    similarity = float(state.matcher.evidence.enrolled.best[first])
    labels = state.labels[first], state.labels[second]
    return Crowding(labels, similarity, usual.threshold, left)
