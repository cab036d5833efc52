"""Unlabeled pictures from the place of use: what they change is shown before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.domain import Detected
from holotype.errors import ImageError
from holotype.image.prepare import ImageSource
from holotype.openset.evidence import USUAL_RATE
from holotype.recognizer.calibration import changes
from holotype.recognizer.detection import detect, given, stacked
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import unlabeled_of
from holotype.recognizer.unusable import refusal, unusable
from holotype.records import UnlabeledCalibration

_FOREIGN = {"another_kind", "perhaps_another_kind"}
_NAMED = 5


def calibrate_unlabeled(
    recognizer: Recognizer,
    images: Sequence[ImageSource] = (),
    *,
    vectors: NDArray[Any] | None = None,
    skip_unusable: bool = False,
    accept: Callable[[UnlabeledCalibration], bool] | None = None,
    actor: str | None = None,
) -> UnlabeledCalibration:
    """Let pictures from the place of use set the thresholds, whoever is on them.

    Nobody says who is enrolled and who is not: at most one identity is right on each, so the
    others tell what impostors reach there. A stated rate is then *estimated* by them, and where
    they are of another kind than what is enrolled (photographs beside a catalogue), by them alone.
    Only vectors are kept, until the batch is removed; forgetting an identity does not remove them.

    Args:
        recognizer: whose gallery it is.
        images: U pictures, some dozens at least, of as many people or things as come.
        vectors: float [U, D], embeddings in place of pictures.
        skip_unusable: whether pictures that cannot be read or hold nothing are left out; they
            are refused otherwise, all of them in one error.
        accept: is shown what would change and says whether the pictures are to be stored; None:
            they are.
        actor: who gives them, for the audit trail; None: the user of the operating system.

    Raises:
        ImageError: none was given, pictures cannot be read or hold nothing, or most of them are
            of something else than what the model and the gallery know.
        GalleryError: the gallery cannot be written.
    """
    if vectors is not None:
        shown = given(vectors, recognizer.embedding_dim)
    elif images:
        shown = [one for (one,) in detect(recognizer.embedder, images)]
    else:
        raise ImageError("calibrate got no image", "Give pictures from where probes will come")
    bad = unusable(images, shown) if vectors is None else ()
    if len(bad) == len(shown) or (bad and not skip_unusable):
        raise refusal(bad, len(shown), ", or leave them out (`--skip-unusable`)")
    state, new = recognizer.state, stacked(shown)
    known = unlabeled_of(state.snapshot)
    before = state.matcher
    after = before.with_unlabeled(np.concatenate([known, new]))
    _require_of_here(shown, before.match(new, None).unfamiliar)
    visitors = after.evidence.visitors
    result = UnlabeledCalibration(
        batch=None,
        pictures=len(new),
        pictures_in_all=len(known) + len(new),
        visitors=0 if visitors is None else visitors.visitors,
        strangers=None if visitors is None else visitors.strangers,
        another_kind=after.evidence.another_kind,
        smallest_before=before.smallest_rate(),
        smallest_after=after.smallest_rate(),
        rates=changes(before, after, new, 0),
        unusable=bad,
    )
    if accept is not None and not accept(result):
        return result
    level = next(change.after for change in result.rates if change.rate == USUAL_RATE)
    batch = recognizer.gallery.add_strangers(
        new,
        -1 - np.arange(len(new)),
        rate=USUAL_RATE if level is not None else None,
        threshold=level,
        actor=actor,
    )
    return replace(result, batch=batch)


def _require_of_here(shown: Sequence[Detected], unfamiliar: NDArray[np.bool_]) -> None:
    """Name a folder of something else.

    Raises:
        ImageError: more than half of the pictures are.
    """
    used = [(row, one) for row, one in enumerate(shown, 1) if one.vector is not None]
    foreign = [
        row
        for (row, one), odd in zip(used, unfamiliar.tolist(), strict=True)
        if odd or any(reason.code in _FOREIGN for reason in one.reasons)
    ]
    if 2 * len(foreign) > len(used):
        named = ", ".join(str(row) for row in foreign[:_NAMED])
        raise ImageError(
            f"{len(foreign)} of {len(used)} pictures show something else than this gallery and its "
            f"model know (pictures {named}{', ...' if len(foreign) > _NAMED else ''})",
            "Give pictures from where probes will come",
        )
