"""Many pictures, enrolled or identified together."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial
from itertools import islice
from typing import Any

import numpy as np

from holotype.datasets.manifest import Entry
from holotype.domains.domain import Detected
from holotype.errors import AnotherKindError, GalleryError, ImageError, LabelError, VectorError
from holotype.gallery import Addition, Over, check_label
from holotype.gallery.enrolled_rows import terms as check_terms
from holotype.gallery.labels import check_tags, shown
from holotype.image.decode import ImageSource, describe
from holotype.recognizer.cluster import Coming, Sources, Work, Workers
from holotype.recognizer.decision import unfamiliar_reasons
from holotype.recognizer.detection import detect, given
from holotype.recognizer.examples import stored_for_others
from holotype.recognizer.kinds import require_kind
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import State
from holotype.records import Alike, Decision, Enrollments, LeftOut, Noted, Reason

# Pictures that are stored in one change: a kill loses the work on so many, and on as many that are
# detected meanwhile. Twice as many are held in memory.
_BATCH, _BATCH_BYTES = 256, 64 * 2**20
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
    actor: str | None = None,
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
        actor: who enrolls, for the audit trail; None: the user of the operating system.

    Raises:
        ImageError: no picture was given.
        LabelError: a tag cannot be stored.
        GalleryError: the gallery cannot be written, or takes no pictures; the consent or the date
            cannot be stored.
    """
    check_terms(consent, retain_until)
    kept = tuple(check_tags(tags))
    entries = (
        Entry(_name(image, number), label, image, None, consent, retain_until, kept)
        for number, (label, image) in enumerate(pictures, start=1)
    )
    left_out: list[LeftOut] = []
    found = enroll_entries(
        recognizer,
        entries,
        left_out=left_out.append,
        anyway=anyway,
        after=progress,
        actor=actor,
    )
    if not found.pictures:
        raise ImageError("enroll_many got no picture", "Give at least one")
    return replace(found, left_out=tuple(left_out))


def enroll_entries(
    recognizer: Recognizer,
    entries: Iterable[Entry],
    *,
    left_out: Callable[[LeftOut], None],
    anyway: bool = False,
    after: Callable[[int], None] | None = None,
    actor: str | None = None,
    workers: Workers | None = None,
) -> Enrollments:
    """Enroll examples each on its own terms, some hundreds in one change; see `enroll_many`.

    Args:
        recognizer: whose gallery it is.
        entries: pictures and vectors; they are read as they are needed.
        left_out: is told of each that was not stored, and why.
        anyway: as for `enroll_many`.
        after: called when a change is durable, with the number of entries that are done.
        actor: as for `enroll_many`.
        workers: look at the pictures; None: this process does.

    Returns:
        Without those that were left out.

    Raises:
        GalleryError: the gallery cannot be written.
        MissingExtraError: what looks at pictures is not installed, here or on a worker.
        ProviderError: the workers cannot do it.
    """
    work = _Work(recognizer, left_out, anyway, actor)
    done = 0
    for part, found in _worked_ahead(recognizer, entries, workers, _detected):
        work.store(part, found)
        done += len(part.entries)
        if after is not None:
            after(done)
    return Enrollments(
        done,
        len(work.labels),
        work.added,
        work.already,
        (),
        tuple(work.warnings),
        _alike(recognizer, list(work.labels)),
    )


def identify_entries(
    recognizer: Recognizer,
    entries: Iterable[Entry],
    *,
    answered: Callable[[Entry, Decision], None],
    left_out: Callable[[LeftOut], None],
    after: Callable[[int], None] | None = None,
    workers: Workers | None = None,
    **asked: Any,
) -> int:
    """Identify pictures and vectors, some hundreds at a time; see `Recognizer.identify`.

    Args:
        recognizer: whose gallery it is. Where that changes meanwhile, the later ones meet the new.
        entries: they are read as they are needed.
        answered: is told of each that can be read, with the decision.
        left_out: is told of each that cannot, or holds nothing, and why.
        after: called with the number of entries that are done.
        workers: answer, all for the gallery as it is now; None: this process does.
        **asked: `fpir` and whatever else `Recognizer.identify` takes.

    Returns:
        How many entries there were.

    Raises:
        RateError: a stated rate is no fraction, or not supported by this gallery.
        LabelError: nobody has the tag.
        MissingExtraError: what looks at pictures is not installed, here or on a worker.
        ProviderError: the workers cannot do it.
    """
    done = 0
    for part, answers in _worked_ahead(recognizer, entries, workers, _answers, **asked):
        for entry, one in zip(part.entries, answers, strict=True):
            if isinstance(one, Decision):
                answered(entry, one)
            else:
                left_out(LeftOut(entry.name, entry.label, _problem(entry, one.problem), one.remedy))
        done += len(part.entries)
        if after is not None:
            after(done)
    return done


@dataclass(frozen=True, slots=True)
class _Part:
    """Some hundreds of entries."""

    entries: list[Entry]
    sources: list[ImageSource | Detected]  # what files hold; and what is known without a look

    def contents(self, rows: Sequence[int]) -> list[ImageSource]:
        """What the files of some of them hold."""
        read = (self.sources[row] for row in rows)
        return [one for one in read if not isinstance(one, Detected)]


def _worked_ahead(
    recognizer: Recognizer,
    entries: Iterable[Entry],
    workers: Workers | None,
    work: Work,
    **asked: Any,
) -> Iterator[tuple[_Part, Any]]:
    """Part by part in their order, with what some work gives for each.

    While one is stored, the next are looked at: storing takes one core and waits for the disk, and
    the others would wait with it.
    """
    if workers is not None:
        state = None
        if work is _answers:
            # What is refused is refused now, and what all answers need is worked out once.
            recognizer.identify(vectors=np.eye(1, recognizer.embedding_dim), **asked)
            state = recognizer.state_of(asked.get("tag"))
        submit = partial(workers.ready(recognizer, state), work, **asked)
        yield from _in_order(recognizer, entries, submit, workers.ahead)
        return
    with ThreadPoolExecutor(1, "bulk") as thread:
        here = partial(thread.submit, work, recognizer, **asked)
        yield from _in_order(recognizer, entries, here, 1)


def _in_order(
    recognizer: Recognizer,
    entries: Iterable[Entry],
    submit: Callable[[Sources], Coming | Future[Any]],
    ahead: int,
) -> Iterator[tuple[_Part, Any]]:
    coming = deque[tuple[_Part, Coming | Future[Any]]]()
    for batch in _batches(entries):
        part = _Part(batch, _sources(recognizer, batch))
        coming.append((part, submit(part.sources)))
        if len(coming) > ahead:
            part, found = coming.popleft()
            yield part, found.result()
    for part, found in coming:
        yield part, found.result()


def _detected(recognizer: Recognizer, sources: Sources) -> list[Detected]:
    """What each shows: one thing, or why there is none."""
    known = [one for one in sources if isinstance(one, Detected)]
    if len(known) == len(sources):  # of vectors alone there is no model to ask
        return known
    return [one for (one,) in detect(recognizer.embedder, sources)]


def _answers(recognizer: Recognizer, sources: Sources, **asked: Any) -> list[Decision | Detected]:
    """A decision on each that shows something; why the others show nothing."""
    found = _detected(recognizer, sources)
    seen = [one for one in found if one.vector is not None]
    decisions = iter(recognizer.identify(seen, **asked))
    return [one if one.vector is None else next(decisions) for one in found]


def _sources(recognizer: Recognizer, batch: Sequence[Entry]) -> list[ImageSource | Detected]:
    """What there is to look at of each entry; or its vector, or why there is neither."""
    read = iter(recognizer.contents([one.item for one in batch if one.item is not None]))
    found = [_given(recognizer, one) if one.item is None else next(read) for one in batch]
    # What cannot be read here may not be read elsewhere, where that path is another file.
    return [
        detect(recognizer.embedder, [one])[0][0] if isinstance(one, os.PathLike) else one
        for one in found
    ]


def _given(recognizer: Recognizer, entry: Entry) -> Detected:
    """A vector as what was detected; or why there is none."""
    if entry.vector is None:
        return Detected(None, (), None, entry.problem, entry.remedy)
    try:
        (found,) = given(entry.vector, recognizer.embedding_dim)
    except VectorError as error:
        return Detected(None, (), None, error.problem, error.remedy)
    return found


def _problem(entry: Entry, problem: str) -> str:
    """Without the name of a file, which is in the row."""
    return problem.removeprefix(f"{describe(entry.item)}: ") if entry.item is not None else problem


def _name(image: ImageSource, number: int) -> str:
    is_path = isinstance(image, str | os.PathLike)
    return os.fsdecode(image) if is_path else f"picture {number}"  # type: ignore[arg-type]


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch, size_bytes = list[Entry](), 0
    for entry in entries:
        batch.append(entry)
        size_bytes += _size_bytes(entry.item)
        if len(batch) == _BATCH or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _size_bytes(image: ImageSource | None) -> int:
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
    left_out: Callable[[LeftOut], None]
    anyway: bool
    actor: str | None
    labels: dict[str, None] = field(default_factory=dict)  # in their order
    added: int = 0
    already: int = 0
    warnings: list[Noted] = field(default_factory=list)

    def store(self, part: _Part, found: Sequence[Detected]) -> None:
        """Store those of some examples that can be, in one change."""
        recognizer, batch = self.recognizer, part.entries
        # Asked for once, and only where something is stored: a new gallery is made by it.
        state_now = cache(lambda: recognizer.state)
        # The examples of a label on the same terms go together, pictures and vectors apart.
        rows: dict[tuple[Any, ...], list[int]] = {}
        for row, entry in enumerate(batch):
            label = self._label(entry, found[row], state_now)
            if label is not None:
                terms = entry.consent, entry.retain_until, entry.tags
                rows.setdefault((label, entry.item is None, *terms), []).append(row)
        if not rows:
            return
        shown = [row for of in rows.values() for row in of if batch[row].item is not None]
        pictures = recognizer.kept(part.contents(shown)) if shown else None
        kept = {} if pictures is None else dict(zip(shown, pictures, strict=True))
        additions = [
            Addition(
                label,
                np.stack([vector for row in of if (vector := found[row].vector) is not None]),
                consent,
                retain_until,
                [kept[row] for row in of] if kept and not bare else None,
                tags,
            )
            for (label, bare, consent, retain_until, tags), of in rows.items()
        ]
        state = state_now()
        stored = recognizer.gallery.add_all(additions, actor=self.actor)
        # Of all at once, as one by one takes several times as long.
        every = np.concatenate([addition.vectors for addition in additions])
        odd = iter(unfamiliar_reasons(recognizer.model.novelty.p_value(every)))
        for addition, added, of in zip(additions, stored, rows.values(), strict=True):
            new = np.flatnonzero(added.stored).tolist()
            self.labels[added.label] = None
            self.added += len(new)
            self.already += len(added.stored) - len(new)
            novel = list(islice(odd, len(of)))
            for at in new:
                row = of[at]
                elsewhere = stored_for_others(
                    state.snapshot, added.label, addition.vectors[at : at + 1]
                )
                self.warnings += [
                    Noted(batch[row].name, added.label, reason)
                    for reason in (*elsewhere, *found[row].reasons, *novel[at])
                ]

    def _label(self, entry: Entry, found: Detected, state: Callable[[], State]) -> str | None:
        """The label that an example can be stored under; None: it is left out, and told."""
        problem, remedy = found.problem, found.remedy
        try:
            if not entry.problem:
                label = check_label(entry.label)
            if found.vector is not None:
                check_terms(entry.consent, entry.retain_until)
                check_tags(entry.tags)
                self._require_kind(entry, found.reasons)
                if entry.retain_until is None:
                    _require_kept(label, state().snapshot.over)
                return label
        except (LabelError, GalleryError, AnotherKindError) as error:
            problem, remedy = _problem(entry, error.problem), error.remedy
        self.left_out(LeftOut(entry.name, entry.label, problem, remedy))
        return None

    def _require_kind(self, entry: Entry, reasons: Sequence[Reason]) -> None:
        if (
            entry.item is not None
            and not self.anyway
            and any(reason.code == "another_kind" for reason in reasons)
        ):
            require_kind([entry.item], self.recognizer.embedder.preprocessing, _ANYWAY)


def _require_kept(label: str, over: Over) -> None:
    if label in over.labels:
        day = over.days[over.labels.index(label)]
        raise LabelError(
            f"{shown(label)} could be kept until {day}, which has passed",
            "Name a later day, or erase who may not be kept with expire",
        )


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
