"""What people say about decisions, and what it shows about this installation."""

from __future__ import annotations

import math
from collections.abc import Callable

from holotype.gallery import FeedbackSummary, Gallery
from holotype.gallery.matrix import repeated
from holotype.images import ImageSource
from holotype.recognizer.examples import already_stored, read_once
from holotype.recognizer.recognizer import Recognizer
from holotype.records import Decision, MeasuredRate, Reason, Reviewed

_CONFIDENCE = 0.95


def feedback(
    recognizer: Recognizer,
    decision: Decision | str,
    correct: bool,
    image: ImageSource | None = None,
) -> Reviewed:
    """Say whether a decision was right; it counts in `review`.

    A picture given along becomes an example of the identity, through a gate: the decision was
    a match and is confirmed, nothing is wrong with the picture, and it is as alike to that
    very identity as a stated 1 % demands (or the smallest rate that is supported). So one
    wrong click, or a picture that happens to be near, does not drag a reference away; and
    `undo_feedback` takes it back. What does not pass is not stored, and the reasons say why.

    Args:
        recognizer: whose gallery it is.
        decision: of `identify` or `verify` of this gallery, or its `id`.
        correct: whether the answer was right: for `unknown`, that nobody enrolled was shown.
        image: the probe, to be learned from.

    Raises:
        GalleryError: the decision is not one of this gallery, or was reviewed before.
        ImageError: the image cannot be read or holds nothing.
    """
    token = decision.id if isinstance(decision, Decision) else decision
    # Read first: a picture that cannot be read leaves no half of a review behind.
    contents = [] if image is None else read_once([image])
    seen = None if image is None else recognizer.embedded(contents, names=[image])
    review = recognizer.gallery.feedback(token, correct)
    if seen is None:
        return Reviewed(review.decision, correct, added=0)
    vectors, (reasons,) = seen
    state = recognizer.state
    at = (
        state.snapshot.identities.index(review.identity)
        if review.identity in state.snapshot.identities
        else None
    )
    if not correct or review.answer != "match" or at is None:
        text = "only a confirmed match with somebody who is enrolled gives an example"
        reasons = (*reasons, Reason("not_confirmed", text))
    else:
        matcher = state.matcher
        similarity = matcher.prototypes @ vectors[0]
        nearest = int(similarity.argmax())
        if not matcher.would_match(vectors)[0, at]:
            needed = float(matcher.threshold(None).values[at])
            text = (
                f"it is alike to {state.labels[at]} by {similarity[at]:.2f}; {needed:.2f} is needed"
            )
            reasons = (*reasons, Reason("below_gate", text))
        if nearest != at:
            text = f"it is more alike to {state.labels[nearest]} than to {state.labels[at]}"
            reasons = (*reasons, Reason("another_is_nearer", text))
        if repeated(state.vectors_of(state.labels[at]), vectors)[0]:
            reasons = (*reasons, *already_stored([False], state.labels[at]))
    if reasons or at is None:
        return Reviewed(review.decision, correct, 0, reasons)
    recognizer.gallery.add(
        state.labels[at],
        vectors,
        pictures=recognizer.kept(contents),
        decision_id=review.decision,
    )
    return Reviewed(review.decision, correct, added=1)


def undo_feedback(recognizer: Recognizer, decision: Decision | str) -> int:
    """Take feedback back, and erase the example that came of it.

    Args:
        recognizer: as for `feedback`.
        decision: as for `feedback`; also the `Reviewed.decision` of it.

    Returns:
        The number of examples erased.

    Raises:
        GalleryError: the decision was not reviewed.
        ErasurePendingError: undone, but another process still holds the bytes in the file.
    """
    token = decision.id if isinstance(decision, Decision) else decision
    return recognizer.gallery.undo_feedback(token)


def review(recognizer: Recognizer | Gallery) -> tuple[MeasuredRate, ...]:
    """What the reviews show, for each stated rate: above all the measured false accepts.

    It is the share of wrong matches among the reviewed probes of strangers (wrong matches,
    and unknowns that were right). People rather review what looks odd, so it is an estimate
    of the rate among what is reviewed, not among all that was asked. It needs no model, so a
    gallery will do.
    """
    gallery = recognizer.gallery if isinstance(recognizer, Recognizer) else recognizer
    return tuple(_measured(row) for row in gallery.feedback_summary())


def _measured(row: FeedbackSummary) -> MeasuredRate:
    strangers = row.wrong_matches + row.unknowns - row.wrong_unknowns
    low, high = interval(row.wrong_matches, strangers)
    return MeasuredRate(
        rate_kind="fpir" if row.rate_kind == "fpir" else "fmr",
        rate=row.rate,
        matches=row.matches,
        accepted=row.wrong_matches,
        unknowns=row.unknowns,
        missed=row.wrong_unknowns,
        cannot_tell=row.cannot_tell,
        strangers=strangers,
        value=row.wrong_matches / strangers if strangers else None,
        low=low,
        high=high,
    )


def interval(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Clopper and Pearson 1934): never shorter than it claims to be.

    Args:
        hits: 0 to `trials`.
        trials: independent of one another, at least 0.

    Returns:
        Lower and upper end; (0, 1) without trials.
    """
    beyond = (1 - _CONFIDENCE) / 2
    low = _root(lambda p: 1 - _at_most(hits - 1, trials, p) - beyond) if hits else 0.0
    high = _root(lambda p: beyond - _at_most(hits, trials, p)) if hits < trials else 1.0
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, trials: int, p: float) -> float:
    """The binomial distribution function."""
    if p <= 0 or p >= 1:
        return float(p <= 0)
    logs = (
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(p)
        + (trials - k) * math.log1p(-p)
        for k in range(hits + 1)
    )
    return min(math.fsum(math.exp(value) for value in logs), 1.0)
