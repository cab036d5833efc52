"""The owner's own strangers: what they change is shown before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holotype.calibration import Cohort, GalleryDraws
from holotype.calibration.threshold import FEW_CLASSES, Evidence
from holotype.errors import AlikeError, ImageError, RateError
from holotype.gallery.labels import shown
from holotype.images import ImageSource
from holotype.recognizer.joined import Joined
from holotype.recognizer.probes import picture_probes, stacked
from holotype.recognizer.unusable import refusal, unusable
from holotype.recognizer.view import STRICT_RATE, View
from holotype.records import Calibration, RateChange, Suspect, Unusable
from holotype.scoring import Floats, group_prototypes

SHOWN_RATES = (0.1, 0.01)
Suspects = Literal["refuse", "leave-out", "keep"]
# Two pictures this alike are one picture.
_SAME = 0.9999
# A single class among more than so many moves the threshold by next to nothing.
_ONE_WEIGHS = 64
_NAMED = 5
_MOST_CLASSES = 4096  # beyond which nobody is told to photograph


class Calibrating(Joined):
    """The part of a Recognizer that takes in own strangers."""

    def calibrate(
        self,
        images: Sequence[ImageSource],
        classes: Sequence[str] | None = None,
        *,
        suspects: Suspects = "refuse",
        skip_unusable: bool = False,
        accept: Callable[[Calibration], bool] | None = None,
    ) -> Calibration:
        """Let pictures of people or things that are not enrolled set the thresholds.

        For where the probes come from another source than the model's cohort: another camera,
        pen or form. `calibration.own` says how both are weighed. Only vectors are kept, and the
        pictures serve as strangers from the next `identify` on.

        A class is suspect when it carries the name of an enrolled identity, is the same picture
        as an example, or is so alike to an identity that it would be accepted at a stated 1 %
        (or at the smallest rate that can be promised), the other own strangers counted in.

        Args:
            images: S pictures, as many people or things as possible.
            classes: [S] the name of the person or thing on each; None: each is another one.
            suspects: what becomes of suspect classes: `refuse` everything, `leave-out` those
                classes, or `keep` them, for an owner who has looked and knows that they are
                strangers. Leaving out true strangers because they are alike makes the promise
                too generous.
            skip_unusable: whether pictures that cannot be read or hold nothing are left out; they
                are refused otherwise, all of them in one error.
            accept: is shown what would change and says whether the strangers are to be stored;
                None: they are.

        Raises:
            ImageError: pictures cannot be read or hold nothing, or none was given.
            AlikeError: there are suspects, and they are refused.
            GalleryError: the gallery cannot be written.
        """
        if not images:
            raise ImageError("calibrate got no image", "Give pictures of who is not enrolled")
        if classes is None:
            classes = [f"picture {number}" for number in range(1, len(images) + 1)]
        if len(classes) != len(images):
            raise ImageError(
                f"{len(classes)} class names do not go with {len(images)} pictures",
                "Name the class of each picture",
            )
        probes = [probe for (probe,) in picture_probes(self.embedder, images)]
        bad = unusable(images, probes)
        if len(bad) == len(images) or (bad and not skip_unusable):
            raise unusable_refusal(bad, len(images))
        vectors = stacked(probes)
        used = [probe.vector is not None for probe in probes]
        names, member = np.unique(np.asarray(classes, dtype=object)[used], return_inverse=True)
        view = self._current()
        found = _suspects(view, vectors, member, [str(name) for name in names])
        if suspects == "leave-out" and found:
            known = np.isin(names, [suspect.name for suspect in found])
            vectors, member = vectors[~known[member]], member[~known[member]]
        result = replace(_change(view, vectors, member, tuple(found)), unusable=bad)
        if accept is not None and not accept(result):
            return result
        if found and suspects == "refuse":
            raise _refusal(found)
        if not len(vectors):
            raise ImageError(
                "all the pictures were left out", "Give pictures of who is not enrolled"
            )
        after = next(change.after for change in result.rates if change.rate == STRICT_RATE)
        batch = self.gallery.add_strangers(
            vectors, member, rate=STRICT_RATE if after is not None else None, threshold=after
        )
        return replace(result, batch=batch)


def _joined(view: View, vectors: Floats, member: NDArray[np.int64]) -> GalleryDraws:
    """The draws with these strangers beside those that the gallery has."""
    own = view.snapshot.strangers
    first_new = int(own.class_index.max(initial=-1)) + 1
    return view.draws.with_own(
        Cohort(
            np.concatenate([own.vectors, vectors]),
            np.concatenate([own.class_index, first_new + member]),
        )
    )


def _suspects(
    view: View, vectors: Floats, member: NDArray[np.int64], names: Sequence[str]
) -> list[Suspect]:
    """The classes that may be enrolled, most alike first."""
    if not view.labels:
        return []
    similarity = group_prototypes(vectors, member, len(names)) @ view.prototypes.T
    best, nearest = similarity.max(axis=1), similarity.argmax(axis=1)
    enrolled = {label: i for i, label in enumerate(view.labels)}
    everybody = _joined(view, vectors, member)
    found = []
    for c in np.argsort(-best, kind="stable").tolist():
        level = view.strict_threshold()
        if level is not None and best[c] >= level:
            # Whoever is judged is not counted among the others.
            rest = member != c
            others = (
                _joined(view, vectors[rest], member[rest])
                if len(names) <= _ONE_WEIGHS
                else everybody
            )
            level = view.strict_threshold(others)
        alike = level is not None and best[c] >= level
        at = enrolled.get(names[c], int(nearest[c]))
        if alike or best[c] >= _SAME or names[c] in enrolled:
            at = int(nearest[c]) if alike else at
            found.append(
                Suspect(
                    names[c],
                    view.labels[at],
                    min(float(similarity[c, at]), 1.0),
                    int((member == c).sum()),
                )
            )
    return found


def _change(
    view: View, vectors: Floats, member: NDArray[np.int64], found: tuple[Suspect, ...]
) -> Calibration:
    draws = _joined(view, vectors, member)
    reached = (
        (vectors @ view.prototypes.T).max(axis=1)
        if view.labels
        else np.full(len(vectors), -1, np.float32)
    )
    smallest = [1.0, 1.0]
    rates = []
    if view.labels:
        smallest = [view.draws.smallest_rate(), draws.smallest_rate()]
    for rate in SHOWN_RATES:
        before, after = (_level(d, rate) if view.labels else None for d in (view.draws, draws))
        missing = None
        if view.labels:
            own = draws.own.cohort.class_index
            missing = 0 if after is not None else missing_classes(draws.own.best, own, rate)
        counts = _count(reached, before), _count(reached, after)
        rates.append(RateChange(rate, before, after, *counts, missing))
    return Calibration(
        batch=None,
        pictures=len(vectors),
        classes=len(np.unique(member)),
        classes_in_all=draws.own_classes,
        counts=draws.own_classes >= FEW_CLASSES,
        smallest_before=smallest[0],
        smallest_after=smallest[1],
        rates=tuple(rates),
        suspects=found,
    )


def _count(reached: Floats, level: float | None) -> int | None:
    return None if level is None else int((reached >= level).sum())


def _level(draws: GalleryDraws, rate: float) -> float | None:
    try:
        return draws.threshold(rate, "fpir")
    except RateError:
        return None


def missing_classes(reached: Floats, class_index: NDArray[np.int64], rate: float) -> int | None:
    """About how many more people or things it takes before they support a rate.

    The number at which the evidence would do if the further ones were like these: the classes are
    repeated, each time as another one. Of few classes it is a rough guess.

    Args:
        reached: float32 [S], the best similarity of each picture to the enrolled.
        class_index: [S] of the strangers so far, who do not support the rate.
        rate: in (0, 1).

    Returns:
        At least 1; None where there are none to go by, or thousands of them would not do.
    """
    rows = [np.flatnonzero(class_index == c) for c in np.unique(class_index)]
    if not rows:
        return None

    def enough(count: int) -> bool:
        repeated = [rows[c % len(rows)] for c in range(count)]
        sizes = [len(pictures) for pictures in repeated]
        draws = reached[np.concatenate(repeated)]
        return Evidence(draws, np.repeat(np.arange(count), sizes)).at(rate) is not None

    low, high = len(rows), len(rows) + 1
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST_CLASSES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - len(rows)


def unusable_refusal(found: Sequence[Unusable], total: int) -> ImageError:
    """The error that names all the pictures that cannot be used."""
    them = "it" if len(found) == 1 else "them"
    how = "`--skip-unusable`, in Python `skip_unusable=True`"
    return refusal(found, total, f", or leave {them} out ({how})")


def _refusal(found: Sequence[Suspect]) -> AlikeError:
    named = ", ".join(
        f"{shown(s.name)} (like {shown(s.label)}, {s.similarity:.2f})" for s in found[:_NAMED]
    )
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return AlikeError(
        f"{len(found)} of the strangers may be enrolled: {named}{more}",
        "Look at them: leave out who is enrolled, and keep who is not",
        tuple(found),
    )
