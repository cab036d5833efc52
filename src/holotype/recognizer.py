"""Embedder + gallery + calibration -> enroll, identify, verify, forget."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import overload

import numpy as np
from numpy.typing import NDArray

from holotype import calibration, quality, scoring
from holotype.calibration import Cohort, Familiarity, MatchProbability, StrangerDraws
from holotype.decision import decide
from holotype.embedder import Embedder
from holotype.errors import ImageError, LabelError
from holotype.gallery import Erasure, Gallery, SqliteGallery, check_label, gallery_model
from holotype.gallery.labels import shown
from holotype.images import ImageSource, luminance
from holotype.pack import load_pack
from holotype.records import Decision, Enrollment, Reason
from holotype.scoring import Floats

DEFAULT_MODEL = "characters"
# Inside the class, `list` is the method of that name.
_Decisions = list[Decision]


@dataclass(frozen=True, slots=True)
class _View:
    """What is derived from one state of the gallery."""

    version: object
    labels: tuple[str, ...]  # [N]
    identities: tuple[str, ...]  # [N] random ids
    prototypes: Floats  # [N, D] unit
    examples: NDArray[np.int64]  # [N] how many each has
    draws: StrangerDraws
    thresholds: dict[float, float]  # stated FPIR -> similarity, filled as rates are asked for


def open(  # `holotype.open` reads as it is used, like gzip.open
    gallery: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
) -> Recognizer:
    """Open a gallery, or make a new one, together with the model it is bound to.

    Args:
        gallery: path of the gallery file.
        model: name of a shipped pack or path of a pack folder. None: the model that the gallery
            was made with; `characters` for a new one.
        create: whether a gallery that is not there is made.

    Raises:
        GalleryError: it is not a gallery, belongs to another model, or cannot be opened.
        PackError: the model pack is missing, altered or broken.
    """
    path = Path(gallery)
    if model is None:
        model = gallery_model(path)[1] if path.exists() or not create else DEFAULT_MODEL
    pack = load_pack(model)
    name = str(model) if str(model) == pack.card.name else str(Path(model).resolve())
    embedder, cohort = Embedder(pack), Cohort(*pack.cohort())

    def store() -> Gallery:
        return SqliteGallery.open(
            path,
            model_id=pack.card.model_id,
            model_name=name,
            embedding_dim=pack.card.embedding_dim,
            create=create,
        )

    # What is there is opened now, to refuse it now; what is not is made when it is needed, so
    # that an enrollment which is refused leaves no empty file.
    gallery_or_maker = store if create and not path.exists() else store()
    return Recognizer(embedder, gallery_or_maker, cohort, pack.background())


class Recognizer:
    """Recognizes what was enrolled, and turns strangers away at a stated rate.

    An identity with several examples answers with its prototype, their renormalized mean. A
    recognizer may be used from several threads; several processes may open one gallery.

    Args:
        embedder: of the model.
        gallery: bound to that model, or what makes one when it is first needed.
        cohort: the strangers that set the thresholds, from the model pack.
        background: float32 unit [B, D], the prototypes of what trained the model, likewise.
    """

    def __init__(
        self,
        embedder: Embedder,
        gallery: Gallery | Callable[[], Gallery],
        cohort: Cohort,
        background: Floats,
    ) -> None:
        self.embedder = embedder
        self._cohort = cohort
        self._matching = MatchProbability.fit(cohort)
        self._familiarity = Familiarity(background, cohort)
        self._gallery = gallery
        self._view: _View | None = None
        self._lock = threading.Lock()

    @property
    def gallery(self) -> Gallery:
        """The gallery; a new one is made when it is first asked for."""
        with self._lock:
            if callable(self._gallery):
                self._gallery = self._gallery()
            return self._gallery

    def enroll(
        self,
        label: str,
        *images: ImageSource,
        consent: str | None = None,
        retain_until: date | None = None,
    ) -> Enrollment:
        """Add one or more examples of `label`; they are durable when this returns.

        A label that is already enrolled gains the examples. Either all of them are stored or,
        on any error, none.

        Args:
            label: 1 to 200 characters without control characters, kept verbatim.
            images: paths, bytes, PIL images or arrays, one example each.
            consent: a note on the permission to enroll; None leaves an earlier one as it is.
            retain_until: the last day on which the identity may be kept (see `Gallery.expire`);
                None leaves an earlier one as it is.

        Raises:
            ImageError: an image cannot be read or holds nothing, or none was given.
            LabelError: the label cannot be stored.
            GalleryError: the gallery cannot be written.
        """
        if not images:
            raise ImageError(f"enroll of {shown(label)} got no image", "Give at least one example")
        check_label(label)  # before pictures are read for nothing
        vectors = self.embedder.embed(images)
        warnings = tuple(reason for found in self._quality(images) for reason in found)
        examples = self.gallery.add(label, vectors, consent=consent, retain_until=retain_until)
        return Enrollment(label, added=len(images), examples=examples, warnings=warnings)

    # A path is a string and so a sequence too; the first form is the one that takes it.
    @overload
    def identify(  # type: ignore[overload-overlap]
        self, images: ImageSource, fpir: float | str = ..., *, stranger_prior: float = ...
    ) -> Decision: ...

    @overload
    def identify(
        self, images: Sequence[ImageSource], fpir: float | str = ..., *, stranger_prior: float = ...
    ) -> _Decisions: ...

    def identify(
        self,
        images: ImageSource | Sequence[ImageSource],
        fpir: float | str = 0.01,
        *,
        stranger_prior: float = 0.5,
    ) -> Decision | _Decisions:
        """1:N, who is it, or nobody?

        Args:
            images: one image, or a list or tuple of images, which are embedded together.
            fpir: the share of strangers that may be accepted, in (0, 1).
            stranger_prior: the share of strangers expected among the probes, in [0, 1]; only the
                probability depends on it.

        Returns:
            A `Decision` for one image; a list of them for a list.

        Raises:
            ImageError: an image cannot be read or holds nothing.
            RateError: the rate is no fraction, or the cohort cannot promise it for this gallery.
        """
        rate = calibration.parse_rate(fpir, "fpir")
        batch: Sequence[ImageSource] = images if isinstance(images, list | tuple) else [images]  # type: ignore[list-item]
        if not batch:
            return []
        view = self._current_view()
        threshold = self._threshold(view, rate)
        vectors = self.embedder.embed(batch)
        decisions = [
            decide(
                view.labels,
                row,
                threshold=threshold,
                rate_kind="fpir",
                rate=rate,
                probability=self._probability(
                    view, view.draws, row, int(row.argmax()) if len(row) else 0, stranger_prior
                ),
                familiarity=float(p_value),
                quality=problem,
            )
            for row, p_value, problem in zip(
                vectors @ view.prototypes.T,
                self._familiarity.p_value(vectors),
                self._quality(batch),
                strict=True,
            )
        ]
        return decisions if isinstance(images, list | tuple) else decisions[0]

    def verify(
        self,
        label: str,
        image: ImageSource,
        fmr: float | str = 0.01,
        *,
        stranger_prior: float = 0.5,
    ) -> Decision:
        """1:1, is it the one that it claims to be?

        Args:
            label: the claimed identity.
            image: the probe.
            fmr: the share of impostors that may be accepted under this claim, in (0, 1).
            stranger_prior: the share of impostors expected among the claims, in [0, 1].

        Raises:
            LabelError: the label is not enrolled.
            ImageError: the image cannot be read or holds nothing.
            RateError: the rate is no fraction, or the cohort cannot promise it.
        """
        rate = calibration.parse_rate(fmr, "fmr")
        view = self._current_view()
        if label not in view.labels:
            raise LabelError(
                f"label {shown(label)} is not among the {len(view.labels)} enrolled",
                "Enroll it first, or check the spelling",
            )
        at = view.labels.index(label)
        draws = view.draws.claim(view.identities[at])
        vectors = self.embedder.embed([image])
        similarity = vectors[0] @ view.prototypes[at : at + 1].T
        return decide(
            (label,),
            similarity,
            threshold=draws.threshold(rate, "fmr"),
            rate_kind="fmr",
            rate=rate,
            probability=self._probability(view, draws, similarity, at, stranger_prior),
            familiarity=float(self._familiarity.p_value(vectors)[0]),
            quality=next(self._quality([image])),
        )

    def forget(self, label: str) -> Erasure:
        """Erase `label` and all its examples from the file.

        Returns:
            The receipt, which is stored nowhere else; `examples` says how many there were.

        Raises:
            LabelError: the label is not enrolled.
            ErasurePendingError: forgotten, but another process still holds the bytes in the file.
            GalleryError: the gallery cannot be written.
        """
        return self.gallery.remove(label)

    def list(self) -> dict[str, int]:
        """The enrolled labels with their numbers of examples, in order of first enrollment."""
        return self.gallery.labels()

    def close(self) -> None:
        """Close the gallery."""
        if not callable(self._gallery):
            self._gallery.close()

    def __enter__(self) -> Recognizer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _current_view(self) -> _View:
        gallery = self.gallery
        with self._lock:
            snapshot = gallery.snapshot()
            if self._view is None or self._view.version != snapshot.version:
                count = len(snapshot.labels)
                prototypes = scoring.group_prototypes(snapshot.vectors, snapshot.owner, count)
                examples = np.bincount(snapshot.owner, minlength=count)
                typical = int(np.median(examples)) if count else 1
                state = snapshot.identities, prototypes, typical
                self._view = _View(
                    version=snapshot.version,
                    labels=snapshot.labels,
                    identities=snapshot.identities,
                    prototypes=prototypes,
                    examples=examples,
                    draws=self._view.draws.follow(*state)
                    if self._view
                    else StrangerDraws.of(self._cohort, *state),
                    thresholds={},
                )
            return self._view

    def _threshold(self, view: _View, rate: float) -> float | None:
        if not view.labels:
            return None
        if rate not in view.thresholds:
            view.thresholds[rate] = view.draws.threshold(rate, "fpir")
        return view.thresholds[rate]

    def _quality(self, images: Sequence[ImageSource]) -> Iterator[tuple[Reason, ...]]:
        # After they were embedded: whatever cannot be read was refused there, by its name.
        for image in images:
            yield quality.assess(luminance(image), self.embedder.preprocessing)

    def _probability(
        self, view: _View, draws: StrangerDraws, similarity: Floats, at: int, prior: float
    ) -> float | None:
        if self._matching is None or not len(similarity):
            return None
        examples = int(view.examples[at])
        return self._matching.probability(float(similarity.max()), examples, draws, prior)
