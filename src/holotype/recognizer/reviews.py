"""What people say about decisions, and what it shows about this installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError, ImageError, LabelError
from holotype.gallery import FeedbackSummary, Gallery, check_label
from holotype.gallery.labels import shown as shown_label
from holotype.gallery.matrix import repeated
from holotype.image.prepare import ImageSource
from holotype.recognizer.examples import already_stored, disagreements
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import State
from holotype.records import Decision, MeasuredRate, Reason, Reviewed
from holotype.stats.scoring import Floats
from holotype.stats.share_interval import interval


def feedback(
    recognizer: Recognizer,
    decision: Decision | str,
    correct: bool,
    image: ImageSource | None = None,
    *,
    vectors: NDArray[Any] | None = None,
    truth: str | None = None,
    stranger: bool = False,
    actor: str | None = None,
) -> Reviewed:
    """Say whether a decision was right, and let its picture teach; it counts in `review`.

    What a picture that is given along teaches depends on what it shows:

    - A match that is right: an example of that identity, through a gate: nothing is wrong with the
      picture, and it is as alike to that very identity as a stated 1 % demands (or the smallest
      rate that is supported). So one wrong click, or a picture that happens to be near, does not
      drag a reference away.
    - A match that is wrong, and the `truth` is told: an example of that identity, through the same
      gate; that the wrong one is nearer does not count.
    - A match that is wrong: a stranger of this place. Whoever is more alike to it than to the best
      of the enrolled is nobody from then on. So is an `unknown` that is right. Thresholds stay as
      they are: these strangers were picked by what was answered, and say nothing of others. Who may
      be another of the enrolled is not stored, unless `stranger` says that it is none.
    - An `unknown` or `cannot_tell` that is wrong, and the `truth` is told: an example of that
      identity. It cannot have passed the gate, so what speaks against it comes back as `doubts`.

    What does not pass is not stored, and the reasons say why; the review counts all the same.
    `undo_feedback` takes all of it back.

    Args:
        recognizer: whose gallery it is.
        decision: of `identify` or `verify` of this gallery, or its `id`.
        correct: whether the answer was right: for `unknown`, that nobody enrolled was shown.
        image: the probe, to be learned from.
        vectors: float [D], its embedding in place of it.
        truth: the label of who it shows, where the answer was wrong.
        stranger: whether it is known to show nobody who is enrolled.
        actor: who says so, for the audit trail; None: the user of the operating system.

    Raises:
        GalleryError: the decision is not one of this gallery, or was reviewed before; or what is
            said of it contradicts itself.
        LabelError: the truth is not enrolled.
        ImageError: the image cannot be read or holds nothing; or there is none to learn from.
        VectorError: the vector is of another length, not finite, or zero.
    """
    token = decision.id if isinstance(decision, Decision) else decision
    # Read first: a picture that cannot be read leaves no half of a review behind.
    contents = recognizer.contents([] if image is None else [image])
    seen = None
    if image is not None or vectors is not None:
        seen = recognizer.embedded(contents, vectors, names=[image] if image is not None else None)
    facts = recognizer.gallery.decision(token)
    answer = str(facts["answer"])
    _require_sense(answer, correct, truth, stranger, seen is not None)
    if seen is None:
        review = recognizer.gallery.feedback(token, correct, actor=actor)
        return Reviewed(review.decision, correct, added=0)
    found, (reasons, *_) = seen
    state = recognizer.state
    named = _place(state, facts["identity"])
    if truth is not None:
        told = state.labels.index(_enrolled(state, truth))
        if told == named and answer == "match":
            raise GalleryError(
                f"the answer was {state.labels[told]}, and that is what you say that it shows",
                "Then it was right: say so",
            )
        lesson = _example(recognizer, state, found, told, named, answer)
    elif answer == "match" and correct:
        lesson = _example(recognizer, state, found, named, None, answer)
    elif stranger or (answer in ("match", "unknown") and (answer == "match") != correct):
        lesson = _stranger(state, found, None if answer == "unknown" else named, stranger)
    else:
        text = "it is not said who it shows"
        lesson = _Lesson(refused=(Reason("not_confirmed", text),))
    reasons = (*reasons, *lesson.refused)
    if reasons:
        review = recognizer.gallery.feedback(token, correct, actor=actor)
        return Reviewed(review.decision, correct, 0, reasons)
    at = lesson.identity
    review = recognizer.gallery.feedback(
        token,
        correct,
        identity=None if at is None else state.snapshot.identities[at],
        examples=None if at is None else found,
        pictures=None if at is None or not contents else recognizer.kept(contents),
        strangers=found if at is None else None,
        actor=actor,
    )
    return Reviewed(
        review.decision,
        correct,
        added=review.examples,
        label=None if at is None else state.labels[at],
        strangers=review.strangers,
        doubts=lesson.doubts,
    )


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What a picture teaches: an example of an identity, or, without one, a stranger."""

    identity: int | None = None  # its place among the labels
    refused: tuple[Reason, ...] = ()  # why it teaches nothing
    doubts: tuple[Reason, ...] = ()


def _require_sense(
    answer: str, correct: bool, truth: str | None, stranger: bool, shown: bool
) -> None:
    problem = ""
    if truth is not None and stranger:
        problem = f"it shows {shown_label(truth)}, and nobody who is enrolled"
    elif truth is not None and correct:
        problem = f"the answer was right, and it shows {shown_label(truth)}"
    elif stranger and answer == "match" and correct:
        problem = "the match was right, and it shows nobody who is enrolled"
    elif stranger and answer == "unknown" and not correct:
        problem = "the answer `unknown` was wrong, and it shows nobody who is enrolled"
    if problem:
        raise GalleryError(f"{problem}: that is a contradiction", "Say one of the two")
    if (truth is not None or stranger) and not shown:
        raise ImageError(
            "a decision keeps no picture, so there is none to learn from",
            "Give the picture along (`--image`)",
        )


def _place(state: State, identity: str | None) -> int | None:
    names = state.snapshot.identities
    return names.index(identity) if identity in names else None


def _enrolled(state: State, label: str) -> str:
    label = check_label(label)
    if label not in state.labels:
        raise LabelError(
            f"label {shown_label(label)} is not among the {len(state.labels)} enrolled",
            "Enroll the picture, or check the spelling",
        )
    return label


def _example(
    recognizer: Recognizer,
    state: State,
    vectors: Floats,
    at: int | None,
    wrong: int | None,
    answer: str,
) -> _Lesson:
    """Whether a picture becomes an example of an identity, though another one was named."""
    if at is None:
        text = "whom the answer named is not enrolled any more"
        return _Lesson(refused=(Reason("not_confirmed", text),))
    if repeated(state.vectors_of(state.labels[at]), vectors)[0]:
        return _Lesson(at, refused=already_stored([False], state.labels[at]))
    matcher, speaks = state.matcher, []
    similarity = matcher.prototypes @ vectors[0]
    if not matcher.would_match(vectors)[0, at]:
        needed = float(matcher.threshold(None).values[at])
        text = f"it is alike to {state.labels[at]} by {similarity[at]:.2f}; {needed:.2f} is needed"
        speaks.append(Reason("below_gate", text))
    rivals = similarity.copy()
    if wrong is not None and answer == "match":
        rivals[wrong] = -np.inf  # whom it was taken for, which is known to be wrong
    nearest = int(rivals.argmax())
    if nearest != at:
        text = f"it is more alike to {state.labels[nearest]} than to {state.labels[at]}"
        speaks.append(Reason("another_is_nearer", text))
    if answer == "match":
        return _Lesson(at, refused=tuple(speaks))
    earlier = state.vectors_of(state.labels[at])
    unlike = disagreements(earlier, vectors, recognizer.model.matching)
    return _Lesson(at, doubts=(*speaks, *unlike))


def _stranger(state: State, vectors: Floats, wrong: int | None, sure: bool) -> _Lesson:
    """Whether a picture becomes an own stranger, though one of the enrolled may have been named."""
    if (same := state.same_example(vectors[0])) is not None:
        text = f"it is the same picture as example {same[0]} of {same[1]}"
        return _Lesson(refused=(Reason("same_as_example", text),))
    if state.is_stranger(vectors[0]):
        text = "it is one of the strangers already"
        return _Lesson(refused=(Reason("known_stranger", text),))
    if not state.labels:
        return _Lesson()
    (reached,) = state.matcher.would_match(vectors)
    similarity = state.matcher.prototypes @ vectors[0]
    doubts = []
    for other in np.flatnonzero(reached).tolist():
        text = (
            f"it is alike to {state.labels[other]} by {similarity[other]:.2f}, as much as a match"
        )
        doubts.append(Reason("like_enrolled", text))
        if other != wrong and not sure:
            text = (
                f"it may be {state.labels[other]}, alike by {similarity[other]:.2f}: say who it "
                "shows (`--truth`), or that it is a stranger (`--stranger`)"
            )
            return _Lesson(refused=(Reason("may_be_enrolled", text),))
    return _Lesson(doubts=tuple(doubts))


def undo_feedback(
    recognizer: Recognizer, decision: Decision | str, *, actor: str | None = None
) -> int:
    """Take feedback back, and erase the example or the stranger that came of it.

    Args:
        recognizer: as for `feedback`.
        decision: as for `feedback`; also the `Reviewed.decision` of it.
        actor: as for `feedback`.

    Returns:
        The number of examples erased.

    Raises:
        GalleryError: the decision was not reviewed.
        ErasurePendingError: undone, but another process still holds the bytes in the file.
    """
    token = decision.id if isinstance(decision, Decision) else decision
    return recognizer.gallery.undo_feedback(token, actor=actor)


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
