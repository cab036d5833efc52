"""The owner's own strangers: what they change is shown before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from holotype.errors import AlikeError, DataError, ImageError, RateError
from holotype.gallery.labels import shown as shown_label
from holotype.image.prepare import ImageSource
from holotype.openset import Cohort, Matcher, Threshold
from holotype.openset.enrolled import classes_needed
from holotype.openset.evidence import USUAL_RATE
from holotype.openset.threshold import FEW_CLASSES
from holotype.recognizer.detection import detect, given, stacked
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import SAME, State, site_of
from holotype.recognizer.unusable import refusal, unusable
from holotype.records import Calibration, RateChange, Suspect, Unusable
from holotype.stats.scoring import Floats, group_prototypes

SHOWN_RATES = (0.1, 0.01)
Suspects = Literal["refuse", "leave-out", "keep"]
# A single class among more than so many moves the threshold by next to nothing.
_ONE_WEIGHS = 64
_NAMED = 5


def calibrate(
    recognizer: Recognizer,
    images: Sequence[ImageSource] = (),
    classes: Sequence[str] | None = None,
    *,
    vectors: NDArray[Any] | None = None,
    suspects: Suspects = "refuse",
    skip_unusable: bool = False,
    accept: Callable[[Calibration], bool] | None = None,
    actor: str | None = None,
) -> Calibration:
    """Let pictures of people or things that are not enrolled set the thresholds.

    For where the probes come from another source than the model's cohort: another camera,
    pen or form. `openset.evidence` says how all is weighed. Only vectors are kept, and the
    pictures serve as strangers from the next `identify` on.

    A class is suspect when it carries the name of an enrolled identity, is the same picture
    as an example, or is so alike to an identity that it would be accepted at a stated 1 %
    (or at the smallest rate that is supported), the other own strangers counted in.

    Args:
        recognizer: whose gallery it is.
        images: S pictures, as many people or things as possible.
        classes: [S] the name of the person or thing on each; None: each is another one.
        vectors: float [S, D], embeddings in place of pictures.
        suspects: what becomes of suspect classes: `refuse` everything, `leave-out` those
            classes, or `keep` them, for an owner who has looked and knows that they are
            strangers. Leaving out true strangers because they are alike lets too
            many others in.
        skip_unusable: whether pictures that cannot be read or hold nothing are left out; they
            are refused otherwise, all of them in one error.
        accept: is shown what would change and says whether the strangers are to be stored;
            None: they are.
        actor: who gives them, for the audit trail; None: the user of the operating system.

    Raises:
        ImageError: pictures cannot be read or hold nothing, or none was given.
        AlikeError: there are suspects, and they are refused.
        GalleryError: the gallery cannot be written.
    """
    if suspects not in get_args(Suspects):
        raise DataError(
            f"suspects={suspects!r} is none of {', '.join(map(repr, get_args(Suspects)))}",
            "Choose one of them",
        )
    if vectors is not None:
        shown = given(vectors, recognizer.embedding_dim)
    elif images:
        shown = [one for (one,) in detect(recognizer.embedder, images)]
    else:
        raise ImageError("calibrate got no image", "Give pictures of who is not enrolled")
    if classes is None:
        classes = [f"picture {number}" for number in range(1, len(shown) + 1)]
    if len(classes) != len(shown):
        raise ImageError(
            f"{len(classes)} class names do not go with {len(shown)} pictures",
            "Name the class of each picture",
        )
    bad = unusable(images, shown) if vectors is None else ()
    if len(bad) == len(shown) or (bad and not skip_unusable):
        raise unusable_refusal(bad, len(shown), recognizer.embedder.domain.takes)
    used = [one.vector is not None for one in shown]
    names, member = np.unique(np.asarray(classes, dtype=object)[used], return_inverse=True)
    state, strangers = recognizer.state, stacked(shown)
    found = _suspects(state, strangers, member, [str(name) for name in names])
    if suspects == "leave-out" and found:
        known = np.isin(names, [suspect.name for suspect in found])
        strangers, member = strangers[~known[member]], member[~known[member]]
    result = replace(_change(state, strangers, member, tuple(found)), unusable=bad)
    if accept is not None and not accept(result):
        return result
    if found and suspects == "refuse":
        raise _refusal(found)
    if not len(strangers):
        raise ImageError("all the pictures were left out", "Give pictures of who is not enrolled")
    after = next(change.after for change in result.rates if change.rate == USUAL_RATE)
    batch = recognizer.gallery.add_strangers(
        strangers,
        member,
        rate=USUAL_RATE if after is not None else None,
        threshold=after,
        actor=actor,
    )
    return replace(result, batch=batch)


def _with(state: State, vectors: Floats, member: NDArray[np.int64]) -> Matcher:
    """The gallery with these strangers beside those that it has."""
    own = site_of(state.snapshot)
    first_new = int(own.class_index.max(initial=-1)) + 1
    return state.matcher.with_site(
        Cohort(
            np.concatenate([own.embeddings, vectors]),
            np.concatenate([own.class_index, first_new + member]),
        )
    )


def _suspects(
    state: State, vectors: Floats, member: NDArray[np.int64], names: Sequence[str]
) -> list[Suspect]:
    """The classes that may be enrolled, most alike first."""
    if not state.labels:
        return []
    shown = group_prototypes(vectors, member, len(names))
    similarity = shown @ state.matcher.prototypes.T
    best, nearest = similarity.max(axis=1), similarity.argmax(axis=1)
    enrolled = {label: i for i, label in enumerate(state.labels)}
    everybody = _with(state, vectors, member)
    reached = np.atleast_1d(state.matcher.would_match(shown).any(axis=1))
    found = []
    for c in np.argsort(-best, kind="stable").tolist():
        alike = bool(reached[c])
        if alike:
            # Whoever is judged is not counted among the others.
            rest = member != c
            others = (
                _with(state, vectors[rest], member[rest])
                if len(names) <= _ONE_WEIGHS
                else everybody
            )
            alike = bool(others.would_match(shown[c : c + 1]).any())
        at = enrolled.get(names[c], int(nearest[c]))
        if alike or best[c] >= SAME or names[c] in enrolled:
            at = int(nearest[c]) if alike else at
            found.append(
                Suspect(
                    names[c],
                    state.labels[at],
                    min(float(similarity[c, at]), 1.0),
                    int((member == c).sum()),
                )
            )
    return found


def _change(
    state: State, vectors: Floats, member: NDArray[np.int64], found: tuple[Suspect, ...]
) -> Calibration:
    before, after = state.matcher, _with(state, vectors, member)
    classes = after.evidence.impostors.site_classes
    return Calibration(
        batch=None,
        pictures=len(vectors),
        classes=len(np.unique(member)),
        classes_in_all=classes,
        counts=classes >= FEW_CLASSES,
        smallest_before=before.smallest_rate(),
        smallest_after=after.smallest_rate(),
        guaranteed_before=before.smallest_rate(guaranteed=True),
        guaranteed_after=after.smallest_rate(guaranteed=True),
        rates=changes(before, after, vectors, classes),
        suspects=found,
    )


def changes(
    before: Matcher, after: Matcher, vectors: Floats, classes: int
) -> tuple[RateChange, ...]:
    """What new evidence changes at the usual rates.

    Args:
        before: the gallery without it.
        after: the gallery with it.
        vectors: float32 unit [S, D], its pictures.
        classes: of own strangers, in all.
    """
    rates = []
    for rate in SHOWN_RATES:
        at_rate = [_threshold(matcher, rate) for matcher in (before, after)]
        counts = [
            None if one is None else int(matcher.would_match(vectors, rate).any(axis=1).sum())
            for matcher, one in zip((before, after), at_rate, strict=True)
        ]
        levels = [None if one is None else float(np.median(one.values)) for one in at_rate]
        known = None if at_rate[1] is None else at_rate[1].basis
        missing = _missing(at_rate[1], classes, rate)
        rates.append(RateChange(rate, levels[0], levels[1], counts[0], counts[1], known, missing))
    return tuple(rates)


def _threshold(matcher: Matcher, rate: float) -> Threshold | None:
    """That at a rate; None where only a default would be left, or nobody is enrolled."""
    try:
        found = matcher.threshold(rate)
    except RateError:
        return None
    return found if found.promised and len(found.values) else None


def _missing(found: Threshold | None, classes: int, rate: float) -> int:
    """How many more classes of own strangers would guarantee a rate: 1 / (M + 1) reaches it."""
    if found is not None and found.basis == "guaranteed":
        return 0
    return max(0, classes_needed(rate, 1) - 1 - classes)


def unusable_refusal(found: Sequence[Unusable], total: int, takes: str = "picture") -> ImageError:
    """The error that names all the pictures, or recordings, that cannot be used."""
    them = "it" if len(found) == 1 else "them"
    how = "`--skip-unusable`, in Python `skip_unusable=True`"
    return refusal(found, total, f", or leave {them} out ({how})", takes)


def _refusal(found: Sequence[Suspect]) -> AlikeError:
    named = ", ".join(
        f"{shown_label(s.name)} (like {shown_label(s.label)}, {s.similarity:.2f})"
        for s in found[:_NAMED]
    )
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return AlikeError(
        f"{len(found)} of the strangers may be enrolled: {named}{more}",
        "Look at them: leave out who is enrolled, and keep who is not",
        tuple(found),
    )
