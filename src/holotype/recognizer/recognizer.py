"""What a Recognizer is asked day by day: enroll, identify, verify, forget."""

from __future__ import annotations

import builtins
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from holotype.domains.domain import Detected, Reasons
from holotype.embedder import Embedder
from holotype.errors import AlikeError, GalleryError, ImageError, LabelError
from holotype.forking import Lock
from holotype.gallery import Addition, Erasure, Gallery, check_label
from holotype.gallery.labels import shown
from holotype.image import quality
from holotype.image.decode import describe
from holotype.image.prepare import ImageSource
from holotype.openset import CohortModel, parse_rate
from holotype.pack import Pack
from holotype.recognizer.decision import CANDIDATES, basis_of, signed, unfamiliar_reasons
from holotype.recognizer.describing import described
from holotype.recognizer.detection import detect, given, stacked
from holotype.recognizer.examples import (
    already_stored,
    disagreements,
    stored_for_others,
)
from holotype.recognizer.kinds import require_kind
from holotype.recognizer.state import State
from holotype.recognizer.unusable import refusal, unusable
from holotype.records import Decision, Enrollment, Sighting
from holotype.stats.scoring import Floats, unit

# Inside the class, `list` is the method of that name.
_Decisions = list[Decision]
_Sightings = list[Sighting]


class Recognizer:
    """Recognizes what was enrolled, and turns strangers away at a stated rate.

    An identity with several examples answers with its prototype, their renormalized mean. A
    recognizer may be used from several threads; several processes may open one gallery. Wherever
    pictures are taken, their embeddings are as well: `vectors`, float32 [D] or [B, D], finite and
    not zero, which are normalized.

    Args:
        embedder: of the model; None for a gallery of bare vectors.
        gallery: bound to that model, or what makes one when it is first needed.
        model: what the model's cohort shows of impostors.
        cohort_data: the data set that the cohort comes from, which decisions name.
    """

    def __init__(
        self,
        embedder: Embedder | None,
        gallery: Gallery | Callable[[], Gallery],
        model: CohortModel,
        cohort_data: str = "the model's cohort",
    ) -> None:
        self._embedder = embedder
        self._gallery = gallery
        self.model = model
        self.cohort_data = cohort_data
        self._state: State | None = None
        self._part: tuple[str, State] | None = None  # the last tag that was asked for
        # Of the last probe that was nearest to each identity: how alike, and the runner-up.
        self.last: dict[Hashable, tuple[float, float]] = {}
        self._lock = Lock()

    @property
    def embedder(self) -> Embedder:
        """What turns pictures into vectors.

        Raises:
            GalleryError: this is a gallery of bare vectors.
        """
        if self._embedder is None:
            raise GalleryError(
                "a gallery of bare vectors has no model that could look at a picture",
                "Give embeddings (`vectors=`, or .npy files on the command line)",
            )
        return self._embedder

    @property
    def pack(self) -> Pack | None:
        """The model; None of a gallery of bare vectors."""
        return None if self._embedder is None else self._embedder.pack

    @property
    def embedding_dim(self) -> int:
        """How many numbers an embedding has: D."""
        return int(self.model.cohort.embeddings.shape[1])

    @property
    def gallery(self) -> Gallery:
        """The gallery; a new one is made when it is first asked for."""
        with self._lock:
            if callable(self._gallery):
                self._gallery = self._gallery()
            return self._gallery

    def close(self) -> None:
        """Close the gallery."""
        if not callable(self._gallery):
            self._gallery.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> State:
        """The gallery as it is now."""
        gallery = self.gallery
        with self._lock:
            snapshot = gallery.snapshot()
            if self._state is None or self._state.snapshot.version != snapshot.version:
                self._state = State.of(snapshot, self.model, self._state).searching(gallery)
            return self._state

    def state_of(self, tag: str | None) -> State:
        """The gallery as it is now, of those alone who have a tag; None: of all.

        Raises:
            LabelError: nobody has the tag.
        """
        state = self.state
        if tag is None:
            return state
        tag = check_label(tag)
        with self._lock:
            known = self._part[1] if self._part is not None and self._part[0] == tag else None
            if known is None or known.snapshot.version != state.snapshot.version:
                known = State.of(state.snapshot.only(tag), self.model, known)
                self._part = tag, known
            return known

    def enroll(
        self,
        label: str,
        *images: ImageSource,
        vectors: NDArray[Any] | None = None,
        descriptions: Sequence[str] = (),
        consent: str | None = None,
        retain_until: date | None = None,
        tags: Sequence[str] = (),
        strict: bool = False,
        anyway: bool = False,
        actor: str | None = None,
    ) -> Enrollment:
        """Add one or more examples of `label`; they are durable when this returns.

        A label that is already enrolled gains the examples. Either all of them are stored or,
        on any error, none. The very same picture a second time is no second look: it is not
        stored, and a warning says so; another warning names the label that has it too. A new label
        that lies within the threshold of an enrolled one (at a stated 1 %, or the smallest rate
        that is supported) is stored all the same, and comes back with its `lookalikes`: one
        person under two labels, or twins. What is odd about the pictures comes back as `warnings`.

        Args:
            label: 1 to 200 characters without control characters, kept verbatim.
            images: paths, bytes, PIL images or arrays, one example each; of a model that hears,
                recordings: paths, bytes, or `Recording`; of one that reads, texts: strings.
            vectors: float [D] or [B, D], embeddings in place of pictures.
            descriptions: texts that say what a picture would show, where the model has a text side:
                each is an example as well, and `identify` compares pictures with it.
            consent: a note on the permission to enroll; None leaves an earlier one as it is.
            retain_until: the last day on which the identity may be kept (see `Gallery.expire`);
                None leaves an earlier one as it is.
            tags: added to those that the identity has; `identify` can ask for one of them.
            strict: whether a new label with look-alikes is refused, and a picture of another label.
            anyway: whether pictures that are plainly of another kind than the model reads, such as
                a photograph where it reads ink, are stored all the same, with a warning.
            actor: who enrolls, for the audit trail; None: the user of the operating system.

        Raises:
            AnotherKindError: a picture is plainly of another kind, and not `anyway`.
            ImageError: an image cannot be read or holds nothing, or none was given; it names all
                of these.
            VectorError: the vectors are of another length, not finite, or zero.
            LabelError: the label cannot be stored.
            AlikeError: strict, and there are look-alikes, or another label has the same picture.
            GalleryError: the gallery cannot be written, or takes no pictures.
        """
        if not images and vectors is None and not descriptions:
            raise ImageError(f"enroll of {shown(label)} got no image", "Give at least one example")
        label = check_label(label)  # before pictures are read for nothing
        contents = self.contents(images)
        found, reasons_of = self.examples(contents, vectors, images)
        words, doubts_of = described(self._embedder, descriptions)
        foreign = any(one.code == "another_kind" for reasons in reasons_of for one in reasons)
        if foreign and not anyway:
            require_kind(images, self.embedder.preprocessing, "or enroll it anyway (`--anyway`)")
        state = self.state
        new = label not in state.labels
        # Words are alike where what they mean is not: nobody is taken for another for that.
        lookalikes = state.lookalikes(unit(found.mean(axis=0))) if new and len(found) else ()
        if strict and lookalikes:
            raise AlikeError(
                f"{shown(label)} would be taken for {shown(lookalikes[0].label)}, who is enrolled "
                f"(similarity {lookalikes[0].similarity:.2f})",
                "Add the pictures to that label, or enroll without `strict` if they are two",
                lookalikes,
            )
        doubled = stored_for_others(state.snapshot, label, found)
        if strict and doubled:
            raise AlikeError(
                f"for {shown(label)}, {doubled[0].text}",
                "Enroll another picture, or without `strict` if that is meant",
                lookalikes,
            )
        kept = self.kept(contents) if vectors is None else None
        additions = [
            Addition(label, rows, consent, retain_until, pictures, tuple(tags), texts)
            for rows, pictures, texts in ((found, kept, None), (words, None, descriptions))
            if len(rows)
        ]
        added = self.gallery.add_all(additions, actor=actor)
        seen = added[0].stored if len(found) else ()
        told = added[-1].stored if len(words) else ()
        new_rows = np.flatnonzero(seen)
        warnings = (
            *already_stored(seen, label),
            *already_stored(told, label, "description"),
            *doubled,
            *(reason for row in np.flatnonzero(told) for reason in doubts_of[row]),
            *(reason for row in new_rows for reason in reasons_of[row]),
            *disagreements(
                state.vectors_of(label),
                found[new_rows],
                self.model.matching,
                (new_rows + 1).tolist(),
            ),
            *self.state.turned_from(label, len(new_rows)),
        )
        count = sum(seen) + sum(told)
        return Enrollment(label, count, added[-1].examples, warnings, lookalikes)

    # A path is a string and so a sequence too; the first form is the one that takes it.
    @overload
    def identify(  # type: ignore[overload-overlap]
        self,
        images: ImageSource,
        fpir: float | str | None = ...,
        *,
        stranger_prior: float = ...,
        tag: str | None = ...,
        confidence: float | str | None = ...,
    ) -> Decision: ...

    @overload
    def identify(
        self,
        images: Sequence[ImageSource | Detected],
        fpir: float | str | None = ...,
        *,
        stranger_prior: float = ...,
        tag: str | None = ...,
        confidence: float | str | None = ...,
    ) -> _Decisions: ...

    @overload
    def identify(
        self,
        images: None = ...,
        fpir: float | str | None = ...,
        *,
        vectors: NDArray[Any],
        stranger_prior: float = ...,
        tag: str | None = ...,
        confidence: float | str | None = ...,
    ) -> Decision | _Decisions: ...

    def identify(
        self,
        images: ImageSource | Sequence[ImageSource | Detected] | None = None,
        fpir: float | str | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        stranger_prior: float = 0.5,
        tag: str | None = None,
        confidence: float | str | None = None,
    ) -> Decision | _Decisions:
        """1:N, who is it, or nobody?

        In a list, a picture that cannot be read spoils none of the others: it gets `cannot_tell`
        with the reason `unreadable`.

        Args:
            images: one image, recording or text, or a list or tuple of them, embedded
                together; in it also what `detect` found before, to be asked at another rate.
            fpir: the share of strangers that may be accepted, in (0, 1). None: 1 %, or the
                smallest share that anything is known of; the decision says which.
            vectors: float [D] or [B, D], embeddings in place of pictures.
            stranger_prior: the share of strangers expected among the probes, in [0, 1]; only the
                probability depends on it.
            tag: only who has it is compared, as if nobody else were enrolled: the threshold is
                that of so many.
            confidence: in (0, 1), such as 0.8: a stricter threshold, with which four of five
                galleries like this let in at most `fpir`, as far as can be estimated. None: the
                rate is one over all galleries, and one of them may let in more.

        Returns:
            A `Decision` for one image or vector; a list of them for several.

        Raises:
            ImageError: the one image cannot be read or holds nothing.
            VectorError: the vectors are of another length, not finite, or zero.
            RateError: the rate is no fraction, or a stated one is not supported by this gallery.
            LabelError: nobody has the tag.
        """
        rate = None if fpir is None else parse_rate(fpir, "fpir")
        sure = None if confidence is None else parse_rate(confidence, "confidence")
        state = self.state_of(tag)
        if vectors is not None:
            found = given(vectors, self.embedding_dim)
            decisions = self._decisions(
                state, found, rate, None, stranger_prior, tag, confidence=sure
            )
            return decisions if np.ndim(vectors) > 1 else decisions[0]
        many = isinstance(images, list | tuple)
        batch: Sequence[ImageSource | Detected] = images if many else [images]  # type: ignore[assignment, list-item]
        if not batch:
            return []
        found = [one for one in batch if isinstance(one, Detected)]
        if len(found) < len(batch):  # of vectors alone there is no model to ask
            found = [one for (one,) in detect(self.embedder, batch)]
        if not many:  # then it is one picture, which the types do not say
            _require_readable(images, found[0])  # type: ignore[arg-type]
        decisions = self._decisions(state, found, rate, None, stranger_prior, tag, confidence=sure)
        return decisions if many else decisions[0]

    def identify_all(
        self,
        image: ImageSource,
        fpir: float | str | None = None,
        *,
        stranger_prior: float = 0.5,
        tag: str | None = None,
        confidence: float | str | None = None,
    ) -> _Sightings:
        """1:N for everything that a picture shows: each of its faces, largest first.

        Nobody is on a picture twice: of several faces that would be a match of one identity, the
        most alike is. A model that does not look for faces sees one thing, the whole picture.

        Args:
            image: as for `identify`, and so the others.
            fpir: the share of strangers that may be accepted, of each that is shown.
            stranger_prior: as for `identify`.
            tag: likewise.
            confidence: likewise.

        Returns:
            At least one sighting: that there is no face is one as well.

        Raises:
            ImageError: the image cannot be read, or a drawing holds nothing.
            RateError: as for `identify`.
            LabelError: nobody has the tag.
        """
        rate = None if fpir is None else parse_rate(fpir, "fpir")
        sure = None if confidence is None else parse_rate(confidence, "confidence")
        state = self.state_of(tag)
        (found,) = detect(self.embedder, [image], everybody=True)
        _require_readable(image, found[0])
        decisions = self._decisions(
            state, found, rate, None, stranger_prior, tag, together=True, confidence=sure
        )
        return [
            Sighting(decision, one.vector) for decision, one in zip(decisions, found, strict=True)
        ]

    def identify_visitor(
        self,
        vectors: NDArray[Any],
        fpir: float | str | None = None,
        *,
        stranger_prior: float = 0.5,
        confidence: float | str | None = None,
    ) -> Decision:
        """1:N for one who was seen several times: decided once, on the mean of what is reached.

        So the stated rate is one of visitors, however many pictures there are of each: the mean
        over pictures is highest for nobody who is not alike on most of them.

        Args:
            vectors: float [F, D], embeddings of F pictures of one, such as those of `Sighting`s.
            fpir: the share of strangers that may be accepted, of visitors; None as for `identify`.
            stranger_prior: as for `identify`.
            confidence: likewise.

        Raises:
            VectorError: the vectors are of another length, not finite, or zero.
            RateError: as for `identify`.
        """
        rate = None if fpir is None else parse_rate(fpir, "fpir")
        sure = None if confidence is None else parse_rate(confidence, "confidence")
        seen = stacked(given(np.atleast_2d(vectors), self.embedding_dim))
        # Its similarity to each identity is the mean of theirs, since it is not made a unit again.
        mean = Detected(seen.mean(axis=0), ())
        return self._decisions(self.state, [mean], rate, None, stranger_prior, confidence=sure)[0]

    def verify(
        self,
        label: str,
        image: ImageSource | None = None,
        fmr: float | str | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        stranger_prior: float = 0.5,
        confidence: float | str | None = None,
    ) -> Decision:
        """1:1, is it the one that it claims to be?

        Args:
            label: the claimed identity.
            image: the probe.
            fmr: the share of impostors that may be accepted under this claim, in (0, 1); None as
                for `identify`.
            vectors: float [D], an embedding in place of the picture.
            stranger_prior: the share of impostors expected among the claims, in [0, 1].
            confidence: as for `identify`.

        Raises:
            LabelError: the label is not enrolled.
            ImageError: the image cannot be read or holds nothing.
            VectorError: the vector is of another length, not finite, or zero.
            RateError: the rate or the confidence is no fraction, or a stated rate is not supported
                by this claim; or a confidence goes without a stated rate.
        """
        rate = None if fmr is None else parse_rate(fmr, "fmr")
        sure = None if confidence is None else parse_rate(confidence, "confidence")
        label = unicodedata.normalize("NFC", label) if isinstance(label, str) else label
        state = self.state
        if label in (over := state.snapshot.over).labels:
            day = over.days[over.labels.index(label)]
            raise LabelError(
                f"{shown(label)} could be kept until {day}, and is matched no more",
                "Enroll it again with a later day, or erase it with expire",
            )
        if label not in state.labels:
            raise LabelError(
                f"label {shown(label)} is not among the {len(state.labels)} enrolled",
                "Enroll it first, or check the spelling",
            )
        if vectors is not None:
            found = given(np.asarray(vectors)[None], self.embedding_dim)
        elif image is None:
            raise ImageError(f"verify of {shown(label)} got no image", "Give one")
        else:
            (found,) = detect(self.embedder, [image])
            _require_readable(image, found[0])
        at = state.labels.index(label)
        return self._decisions(state, found, rate, at, stranger_prior, confidence=sure)[0]

    def forget(self, label: str, *, actor: str | None = None) -> Erasure:
        """Erase `label` and all its examples from the file.

        Args:
            label: who.
            actor: as for `enroll`.

        Returns:
            The receipt, which is stored nowhere else; `examples` says how many there were.

        Raises:
            LabelError: the label is not enrolled.
            ErasurePendingError: forgotten, but another process still holds the bytes in the file.
            GalleryError: the gallery cannot be written.
        """
        return self.gallery.remove(label, actor=actor)

    def list(self) -> dict[str, int]:
        """The enrolled labels with their numbers of examples, in order of first enrollment."""
        return self.gallery.labels()

    def examples(
        self,
        images: Sequence[ImageSource],
        vectors: NDArray[Any] | None,
        names: Sequence[ImageSource],
    ) -> tuple[Floats, builtins.list[Reasons]]:
        """As `embedded`, of no picture as well."""
        if not images and vectors is None:
            return np.empty((0, self.embedding_dim), np.float32), []
        return self.embedded(images, vectors, names)

    def embedded(
        self,
        images: Sequence[ImageSource],
        vectors: NDArray[Any] | None = None,
        names: Sequence[ImageSource] | None = None,
    ) -> tuple[Floats, builtins.list[Reasons]]:
        """Vectors float32 unit [B, D] of B pictures, and what speaks against each of them.

        Args:
            images: the pictures.
            vectors: their embeddings, in place of them.
            names: as what they are named in an error, if not as themselves.

        Raises:
            ImageError: some cannot be read or hold nothing; names each of them.
            VectorError: the vectors are of another length, not finite, or zero.
        """
        if vectors is not None:
            found = given(np.atleast_2d(vectors), self.embedding_dim)
        else:
            found = [one for (one,) in detect(self.embedder, images)]
            if bad := unusable(images if names is None else names, found):
                raise refusal(bad, len(images), takes=self.embedder.domain.takes)
        result = stacked(found)
        novel = unfamiliar_reasons(self.model.novelty.p_value(result))
        return result, [(*one.reasons, *reasons) for one, reasons in zip(found, novel, strict=True)]

    def contents(self, images: Sequence[ImageSource]) -> builtins.list[ImageSource]:
        """Files as what they hold: it is embedded and kept, whatever becomes of them meanwhile."""
        return [self.embedder.domain.content(image) for image in images]

    def kept(self, contents: Sequence[ImageSource]) -> builtins.list[bytes] | None:
        """Pictures as they are kept; None where the owner keeps none."""
        if not self.gallery.keep_pictures:
            return None
        return [self.embedder.domain.kept(content) for content in contents]

    def _decisions(
        self,
        state: State,
        found: Sequence[Detected],
        rate: float | None,
        claim: int | None,
        stranger_prior: float,
        tag: str | None = None,
        *,
        together: bool = False,
        confidence: float | None = None,
    ) -> builtins.list[Decision]:
        """The signed answers, compared with all, or with the one that is claimed."""
        matcher = state.matcher
        seen = [one for one in found if one.vector is not None]
        dim = self.embedding_dim
        vectors = stacked(seen) if seen else np.empty((0, dim), np.float32)
        compared = matcher.compare(vectors, claim, candidates=CANDIDATES)
        doubtful = np.array([bool(quality.serious(one.reasons)) for one in seen], np.bool_)
        matches = matcher.decide(compared, rate, doubtful, together=together, confidence=confidence)
        probability = matcher.probability(compared, stranger_prior)
        if claim is None and tag is None and compared.candidates.shape[1] > 1:
            for at, similarity in zip(
                compared.candidates[~doubtful, 0], compared.similarity[~doubtful], strict=True
            ):
                key = state.snapshot.identities[at]
                self.last[key] = float(similarity[0]), float(similarity[1])
        basis = basis_of(state, matches, claim, self.cohort_data)
        return [
            replace(one, basis=basis, tag=tag, confidence=confidence)
            for one in signed(state, found, matches, probability, claim)
        ]


def _require_readable(image: ImageSource, found: Detected) -> None:
    if not found.readable:
        raise ImageError(f"{describe(image)}: {found.problem}", found.remedy)
