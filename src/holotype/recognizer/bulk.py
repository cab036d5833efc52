"""Many pictures of many labels, enrolled together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from holotype.errors import AnotherKindError, ImageError, LabelError
from holotype.gallery import Addition, check_label
from holotype.gallery.labels import check_tags, shown
from holotype.image.decode import ImageSource, describe
from holotype.recognizer.decision import unfamiliar_reasons
from holotype.recognizer.detection import Detected, detect
from holotype.recognizer.examples import stored_for_others
from holotype.recognizer.kinds import require_kind
from holotype.recognizer.recognizer import Recognizer
from holotype.records import Alike, Enrollments, LeftOut, Noted, Reason

# Pictures that are stored in one change, and held in memory: a kill loses the work on so many.
_BATCH, _BATCH_BYTES = 256, 128 * 2**20
_ANYWAY = "or enroll it anyway (`--anyway`)"
_ROWS = 512  # labels that are compared with all others at once


def enroll_many(
    recognizer: Recognizer,
    pictures: Iterable[tuple[str, ImageSource]],
    *,
    consent: str | None = None,
    retain_until: date | None = None,
    tags: Sequence[str] = (),
    anyway: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Enrollments:
    """Enroll many pictures of many labels, some hundreds in one change.

    A picture that cannot be stored is left out, and the others are not: `left_out` says which and
    why. After an interrupt or a kill, call it again with the same: what is stored is not stored
    again.

    Args:
        recognizer: whose gallery it is.
        pictures: label and picture, as for `Recognizer.enroll`; they are read as they are needed.
        consent: as for `Recognizer.enroll`, of each label.
        retain_until: likewise.
        tags: likewise.
        anyway: whether pictures that are plainly of another kind than the model reads are stored
            all the same.
        progress: called with the number of pictures that are done.

    Raises:
        ImageError: no picture was given.
        LabelError: a tag cannot be stored.
        GalleryError: the gallery cannot be written, or takes no pictures; the consent or the date
            cannot be stored.
    """
    work = _Work(recognizer, consent, retain_until, check_tags(tags), anyway)
    done = 0
    for batch in _batches(pictures):
        work.store(batch, done)
        done += len(batch)
        if progress is not None:
            progress(done)
    if not done:
        raise ImageError("enroll_many got no picture", "Give at least one")
    return Enrollments(
        done,
        len(work.labels),
        work.added,
        work.already,
        tuple(work.left_out),
        tuple(work.warnings),
        _alike(recognizer, list(work.labels)),
    )


def _batches(
    pictures: Iterable[tuple[str, ImageSource]],
) -> Iterator[list[tuple[str, ImageSource]]]:
    batch, size_bytes = list[tuple[str, ImageSource]](), 0
    for label, image in pictures:
        batch.append((label, image))
        size_bytes += _size_bytes(image)
        if len(batch) == _BATCH or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _size_bytes(image: ImageSource) -> int:
    if isinstance(image, str | os.PathLike):
        try:
            return os.stat(image).st_size
        except (OSError, ValueError):  # whoever reads it says why
            return 0
    return len(image) if isinstance(image, bytes) else 0  # arrays are in memory already


@dataclass
class _Work:
    """What has been done so far."""

    recognizer: Recognizer
    consent: str | None
    retain_until: date | None
    tags: Sequence[str]
    anyway: bool
    labels: dict[str, None] = field(default_factory=dict)  # in their order
    added: int = 0
    already: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[Noted] = field(default_factory=list)

    def store(self, batch: Sequence[tuple[str, ImageSource]], before: int) -> None:
        """Embed some pictures, and store those that can be in one change; `before` went before."""
        recognizer = self.recognizer
        names = [
            os.fsdecode(image) if isinstance(image, str | os.PathLike) else f"picture {number}"
            for number, (_, image) in enumerate(batch, start=before + 1)
        ]
        contents = recognizer.contents([image for _, image in batch])
        found = [one for (one,) in detect(recognizer.embedder, contents)]
        rows: dict[str, list[int]] = {}
        for row, ((label, image), one) in enumerate(zip(batch, found, strict=True)):
            stored = self._label(names[row], label, image, one)
            if stored is not None:
                rows.setdefault(stored, []).append(row)
        if not rows:
            return
        kept = recognizer.gallery.keep_pictures
        additions = [
            Addition(
                label,
                np.stack([vector for row in of if (vector := found[row].vector) is not None]),
                self.consent,
                self.retain_until,
                recognizer.kept([contents[row] for row in of]) if kept else None,
                self.tags,
            )
            for label, of in rows.items()
        ]
        state = recognizer.state
        for addition, added in zip(additions, recognizer.gallery.add_all(additions), strict=True):
            new = np.flatnonzero(added.stored).tolist()
            self.labels[added.label] = None
            self.added += len(new)
            self.already += len(added.stored) - len(new)
            novel = unfamiliar_reasons(recognizer.model.novelty.p_value(addition.vectors))
            for at in new:
                row = rows[addition.label][at]
                elsewhere = stored_for_others(
                    state.snapshot, added.label, addition.vectors[at : at + 1]
                )
                self.warnings += [
                    Noted(names[row], added.label, reason)
                    for reason in (*elsewhere, *found[row].reasons, *novel[at])
                ]

    def _label(self, name: str, label: str, image: ImageSource, found: Detected) -> str | None:
        """The label that a picture can be stored under; None: it is left out, and noted."""
        problem, remedy = found.problem, found.remedy
        try:
            label = check_label(label)
            if found.vector is not None:
                self._require_kind(image, found.reasons)
                self._require_kept(label)
                return label
        except (LabelError, AnotherKindError) as error:
            problem, remedy = error.problem.removeprefix(f"{describe(image)}: "), error.remedy
        self.left_out.append(LeftOut(name, label, problem, remedy))
        return None

    def _require_kept(self, label: str) -> None:
        over = self.recognizer.state.snapshot.over
        if self.retain_until is None and label in over.labels:
            day = over.days[over.labels.index(label)]
            raise LabelError(
                f"{shown(label)} could be kept until {day}, which has passed",
                "Name a later day, or erase who may not be kept with expire",
            )

    def _require_kind(self, image: ImageSource, reasons: Sequence[Reason]) -> None:
        if not self.anyway and any(reason.code == "another_kind" for reason in reasons):
            require_kind([image], self.recognizer.embedder.preprocessing, _ANYWAY)


def _alike(recognizer: Recognizer, labels: Sequence[str]) -> tuple[Alike, ...]:
    """Who of these labels would be taken for whom, best first; each pair once."""
    if not labels:  # a gallery that is not there yet stays so
        return ()
    state = recognizer.state
    place = {label: at for at, label in enumerate(state.labels)}
    chosen = np.array([place[label] for label in labels if label in place], np.int64)
    found: dict[frozenset[int], Alike] = {}
    prototypes = state.matcher.prototypes
    for start in range(0, len(chosen), _ROWS):
        at = chosen[start : start + _ROWS]
        reached = state.matcher.would_match(prototypes[at])
        reached[np.arange(len(at)), at] = False
        for row, other in zip(*np.nonzero(reached), strict=True):
            one = int(at[row])
            similarity = min(float(prototypes[one] @ prototypes[other]), 1.0)
            alike = Alike(state.labels[one], state.labels[int(other)], similarity)
            found.setdefault(frozenset((one, int(other))), alike)
    return tuple(sorted(found.values(), key=lambda pair: -pair.similarity))
