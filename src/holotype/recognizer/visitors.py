"""Who came by and got no match, kept for some hours so that a person can say who it is.

The pictures lie in the inbox beside the gallery. One who came by several times is one visitor:
whether two pictures show the same is the Matcher's answer, as for `same`. What a person says of
one becomes an example or a stranger the same way as all feedback, and the rest is asked again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError, ImageError, RateError
from holotype.gallery import Snapshot, check_label
from holotype.gallery.inbox import Entry, Inbox
from holotype.gallery.labels import shown
from holotype.openset import Matcher
from holotype.openset.evidence import USUAL_RATE
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.reviews import feedback
from holotype.recognizer.state import SAME
from holotype.records import Decision, Enrollment, Reviewed, Visitor
from holotype.stats.scoring import Floats

_EXPIRE_S = 60.0  # between two looks for what is kept for long enough
_T = TypeVar("_T")


class Visitors:
    """Those of one gallery.

    Args:
        path: of the file beside it.
        hours: for which a picture is kept.

    Raises:
        ServingError: the file cannot be used.
    """

    def __init__(self, path: Path, hours: float) -> None:
        self.hours = hours
        self._inbox = Inbox(path)
        self._grouping = threading.Lock()
        self._new = threading.Event()  # there are pictures of which nobody said whose they are
        self._asked: Snapshot | None = None  # of which all that is kept was asked
        self._expire_s = 0.0  # when next
        self._inbox.expire(datetime.now(UTC))

    def close(self) -> None:
        """Let go of the file."""
        self._inbox.close()

    def keep(
        self,
        recognizer: Recognizer,
        decisions: Sequence[Decision],
        vectors: Sequence[Floats | None],
        pictures: Sequence[bytes | None],
        where: dict[str, Any],
    ) -> None:
        """Keep those who got no match: the unknown, and the near misses.

        A near miss is as alike as a match must be, but the picture is doubtful, or two fit equally
        well. Who was compared with some of the enrolled alone is not kept.

        Args:
            recognizer: that decided.
            decisions: B of `identify`.
            vectors: their embeddings, [D] unit; None where there was nothing to embed.
            pictures: what was shown; None where that was an embedding alone.
            where: further facts: `camera` or `actor`, and `cut` of what was cut out of a picture.
        """
        wanted = [one.tag is None and _is_wanted(one) for one in decisions]
        if not any(wanted):
            return
        ids = {label: name for name, label in _named(recognizer).items()}
        at, model = datetime.now(UTC), recognizer.gallery.model_id
        for keep, decision, vector, picture in zip(
            wanted, decisions, vectors, pictures, strict=True
        ):
            if keep and vector is not None:
                facts = _facts(decision, ids)
                until = at + timedelta(hours=self.hours)
                name = secrets.token_hex(8)
                entry = Entry(name, "", at, until, model, facts["nearest"], facts | where, vector)
                self._inbox.put(entry, picture)
                self._new.set()

    def answered_again(
        self,
        recognizer: Recognizer,
        decisions: Sequence[Decision],
        vectors: Sequence[Floats | None],
    ) -> None:
        """Note other answers to pictures that are there; none is kept that is not.

        Args:
            recognizer: that decided.
            decisions: B of `identify`; a match is not noted.
            vectors: as for `keep`.
        """
        ids = {label: name for name, label in _named(recognizer).items()}
        there = [one for one in self._inbox.entries() if one.model == recognizer.gallery.model_id]
        for decision, vector in zip(decisions, vectors, strict=True):
            if vector is not None and decision.tag is None and _is_wanted(decision):
                for one in there:
                    if float(one.vector @ vector) >= SAME:
                        self._inbox.note(one.id, one.facts | _facts(decision, ids))

    def tidy(self, recognizer: Recognizer) -> None:
        """Look at what is new, and from time to time erase what is kept for long enough."""
        if self._new.is_set():
            self._new.clear()
            self._group(recognizer)
        if time.monotonic() >= self._expire_s:
            self._expire_s = time.monotonic() + _EXPIRE_S
            self._inbox.expire(datetime.now(UTC))

    def _group(self, recognizer: Recognizer) -> None:
        """Say of each new picture whose it is: of a visitor who is there, or of another one.

        The very same picture is kept once. What shows one whom nobody wants to see goes.
        """
        with self._grouping:
            there: list[Entry] = []
            for one in reversed(self._inbox.entries()):
                if one.model != recognizer.gallery.model_id:
                    continue
                if one.visitor:
                    there.append(one)
                    continue
                known = self._known(recognizer, one.vector, there)
                if known is not None and _is_hidden(known):
                    self._inbox.remove([one.id])
                    continue
                if known is not None and float(known.vector @ one.vector) >= SAME:
                    self._inbox.remove([known.id])
                    there.remove(known)
                visitor = one.id if known is None else known.visitor
                self._inbox.assign(one.id, visitor)
                there.append(replace(one, visitor=visitor))

    def _known(
        self, recognizer: Recognizer, vector: Floats, there: Sequence[Entry]
    ) -> Entry | None:
        """The most alike picture of the same one; None: it is of nobody who is there.

        Of those who are new, no more than the usual share is taken for anybody who is there.
        """
        if not there:
            return None
        vectors = np.stack([one.vector for one in there])
        alike = vectors @ vector
        if alike.max() >= SAME:
            return there[int(alike.argmax())]
        matcher = Matcher.of(recognizer.model, vector[None])
        several = len({one.visitor for one in there})
        try:
            same = matcher.match(vectors, USUAL_RATE / several, 0).accepted
        except RateError:  # so little is not supported
            same = matcher.match(vectors, None, 0).accepted
        return there[int(np.where(same, alike, -np.inf).argmax())] if same.any() else None

    def waiting(self, recognizer: Recognizer) -> tuple[tuple[Visitor, ...], int]:
        """The visitors that nobody has named, the last one first.

        Returns:
            They, and how many pictures went since the last look, because they are recognized now.
        """
        self._group(recognizer)
        recognized = self._ask_again(recognizer)
        names = _named(recognizer)
        found: dict[str, list[Entry]] = {}
        for one in self._inbox.entries():
            if not _is_hidden(one):
                found.setdefault(one.visitor, []).append(one)
        return tuple(_visitor(entries, names) for entries in found.values()), recognized

    def find(self, entry: str) -> Entry | None:
        """One picture by its name."""
        return next((one for one in self._inbox.entries() if one.id == entry), None)

    def picture(self, entry: str) -> bytes | None:
        """Its bytes, where they are kept."""
        return self._inbox.picture(entry)

    def name(
        self, recognizer: Recognizer, entry: Entry, label: str, actor: str | None = None
    ) -> Reviewed:
        """Say which of the enrolled a picture shows, as `feedback` does; the visitor leaves."""
        decision = entry.facts["decision"]
        done = self._shown(
            entry,
            lambda picture, vector: feedback(
                recognizer, decision, False, picture, vectors=vector, truth=label, actor=actor
            ),
        )
        self.erase(entry)
        return done

    def enroll(
        self,
        recognizer: Recognizer,
        entry: Entry,
        label: str,
        consent: str | None = None,
        actor: str | None = None,
    ) -> Enrollment:
        """Enroll a picture under a label that nobody has; the visitor leaves.

        Raises:
            GalleryError: somebody has the label.
        """
        label = check_label(label)
        if label in recognizer.list():
            raise GalleryError(
                f"{shown(label)} is enrolled", "Say that it is that one, or choose another name"
            )
        done = self._shown(
            entry,
            lambda picture, vector: recognizer.enroll(
                label,
                *([] if picture is None else [picture]),
                vectors=vector,
                consent=consent,
                actor=actor,
            ),
        )
        self.erase(entry)
        return done

    def turn_away(self, recognizer: Recognizer, entry: Entry, actor: str | None = None) -> Reviewed:
        """Say that a picture shows nobody who is enrolled, as `feedback`; the visitor leaves."""
        decision = entry.facts["decision"]
        done = self._shown(
            entry,
            lambda picture, vector: feedback(
                recognizer, decision, True, picture, vectors=vector, stranger=True, actor=actor
            ),
        )
        self.erase(entry)
        return done

    def _shown(self, entry: Entry, act: Callable[[bytes | None, NDArray[Any] | None], _T]) -> _T:
        """Learn from a picture as if it were given now; else from its embedding."""
        picture = self._inbox.picture(entry.id)
        if picture is not None:
            try:
                return act(picture, None)
            except ImageError:
                if "cut" not in entry.facts:  # what was cut out may show too little around it
                    raise
        return act(None, entry.vector)

    def hide(self, entry: Entry) -> int:
        """Erase the pictures of a visitor, who is not kept again as long as these would have been.

        Returns:
            How many there were.
        """
        return self._inbox.hide(entry.visitor)

    def erase(self, entry: Entry) -> int:
        """Erase all of a visitor, who is a new one next time; how many pictures there were."""
        same = [one.id for one in self._inbox.entries() if one.visitor == entry.visitor]
        return self._inbox.remove(same)

    def reviewed(self, decision: str) -> None:
        """Erase the visitor whose decision was reviewed elsewhere."""
        for one in self._inbox.entries():
            if one.facts["decision"] == decision:
                self.erase(one)

    def _ask_again(self, recognizer: Recognizer) -> int:
        """Ask who is unknown anew, where the gallery is another; how many are recognized now.

        What was doubtful stays so: the doubts are of the picture. What is of another gallery or
        model is erased.
        """
        snapshot = recognizer.gallery.snapshot()
        if self._asked is snapshot:
            return 0
        foreign: list[str] = []
        gone: list[str] = []
        unknown: dict[tuple[float, float | None], list[Entry]] = {}
        for one in self._inbox.entries():
            if not _is_of(recognizer, one):
                foreign.append(one.id)
            elif one.facts["answer"] == "unknown":
                at = one.facts["rate"], one.facts["confidence"]
                unknown.setdefault(at, []).append(one)
        ids = {label: name for name, label in _named(recognizer).items()}
        for (rate, confidence), entries in unknown.items():
            vectors = np.stack([one.vector for one in entries])
            try:
                answers = recognizer.identify(vectors=vectors, fpir=rate, confidence=confidence)
            except RateError:  # the gallery has become too small for it
                answers = recognizer.identify(vectors=vectors)
            assert isinstance(answers, list)
            for one, decision in zip(entries, answers, strict=True):
                if decision.answer == "match":
                    gone.append(one.id)
                elif decision.answer == "unknown":
                    # The decision stays the one that was given, which a review is of.
                    now = _facts(decision, ids) | {"decision": one.facts["decision"]}
                    self._inbox.note(one.id, one.facts | now)
        self._inbox.remove([*foreign, *gone])
        self._asked = snapshot
        return len(gone)


def _is_wanted(decision: Decision) -> bool:
    if decision.answer == "cannot_tell":
        return any(one.code == "above_threshold" for one in decision.reasons)
    return decision.answer == "unknown"


def _is_hidden(entry: Entry) -> bool:
    return "hidden" in entry.facts


def _is_of(recognizer: Recognizer, entry: Entry) -> bool:
    if entry.model != recognizer.gallery.model_id:
        return False
    try:
        recognizer.gallery.decision(entry.facts["decision"])
    except GalleryError as error:
        if error.__cause__ is not None:  # the gallery cannot be read
            raise
        return False
    return True


def _named(recognizer: Recognizer) -> dict[str, str]:
    """The label of each random id."""
    snapshot = recognizer.gallery.snapshot()
    return dict(zip(snapshot.identities, snapshot.labels, strict=True))


def _facts(decision: Decision, ids: dict[str, str]) -> dict[str, Any]:
    """What is noted of a decision: no label."""
    return {
        "nearest": ids.get(decision.candidates[0].label) if decision.candidates else None,
        "answer": decision.answer,
        "decision": decision.id,
        "similarity": decision.similarity,
        "threshold": decision.threshold,
        "rate": decision.rate,
        "confidence": decision.confidence,
        "probability": decision.probability,
        "reasons": [one.code for one in decision.reasons],
    }


def _visitor(entries: Sequence[Entry], names: dict[str, str]) -> Visitor:
    last = entries[0]
    facts = last.facts
    return Visitor(
        id=last.id,
        number=last.number,
        answer=facts["answer"],
        at=last.at,
        first=min(one.at for one in entries),
        until=max(one.until for one in entries),
        pictures=tuple(one.id for one in entries),
        shown=last.picture,
        nearest=names.get(facts["nearest"] or ""),
        similarity=facts["similarity"],
        threshold=facts["threshold"],
        rate=facts["rate"],
        probability=facts["probability"],
        reasons=tuple(facts["reasons"]),
        camera=facts.get("camera"),
        actor=facts.get("actor"),
    )
