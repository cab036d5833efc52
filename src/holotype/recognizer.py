"""Embedder + gallery + calibration -> enroll, identify, verify, forget."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Literal, overload

import numpy as np

from holotype import calibration, scoring
from holotype.calibration import Cohort
from holotype.embedder import Embedder
from holotype.errors import ImageError, LabelError
from holotype.gallery import Erasure, Gallery, SqliteGallery, check_label, gallery_model
from holotype.gallery.labels import shown
from holotype.images import ImageSource
from holotype.pack import load_pack
from holotype.records import Candidate, Decision, Enrollment
from holotype.scoring import Floats

DEFAULT_MODEL = "characters"
# Inside the class, `list` is the method of that name.
_Decisions = list[Decision]
_CANDIDATES = 5
# Two identities closer than this are one picture enrolled under two labels, or rounding.
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class _View:
    """What is derived from one state of the gallery."""

    version: object
    labels: tuple[str, ...]  # [N]
    prototypes: Floats  # [N, D] unit
    draws: Floats  # [M] the best similarity of each cohort item; empty when N = 0
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
    return Recognizer(embedder, store if create and not path.exists() else store(), cohort)


class Recognizer:
    """Recognizes what was enrolled, and turns strangers away at a stated rate.

    An identity with several examples answers with its prototype, their renormalized mean. A
    recognizer may be used from several threads; several processes may open one gallery.
    """

    def __init__(
        self, embedder: Embedder, gallery: Gallery | Callable[[], Gallery], cohort: Cohort
    ) -> None:
        self.embedder = embedder
        self.cohort = cohort
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
        examples = self.gallery.add(label, vectors, consent=consent, retain_until=retain_until)
        return Enrollment(label=label, added=len(images), examples=examples)

    # A path is a string and so a sequence too; the first form is the one that takes it.
    @overload
    def identify(  # type: ignore[overload-overlap]
        self, images: ImageSource, fpir: float | str = ...
    ) -> Decision: ...

    @overload
    def identify(self, images: Sequence[ImageSource], fpir: float | str = ...) -> _Decisions: ...

    def identify(
        self, images: ImageSource | Sequence[ImageSource], fpir: float | str = 0.01
    ) -> Decision | _Decisions:
        """1:N, who is it, or nobody?

        Args:
            images: one image, or a list or tuple of images, which are embedded together.
            fpir: the share of strangers that may be accepted, in (0, 1).

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
        similarity = self.embedder.embed(batch) @ view.prototypes.T
        decisions = [self._decide(view.labels, row, threshold, "fpir", rate) for row in similarity]
        return decisions if isinstance(images, list | tuple) else decisions[0]

    def verify(self, label: str, image: ImageSource, fmr: float | str = 0.01) -> Decision:
        """1:1, is it the one that it claims to be?

        Args:
            label: the claimed identity.
            image: the probe.
            fmr: the share of impostors that may be accepted under this claim, in (0, 1).

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
        claimed = view.prototypes[at : at + 1]
        draws = calibration.stranger_draws(self.cohort, claimed)
        threshold = calibration.threshold(draws, self.cohort.class_index, rate, "fmr")
        similarity = self.embedder.embed([image])[0] @ claimed.T
        return self._decide((label,), similarity, threshold, "fmr", rate)

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
                prototypes = scoring.group_prototypes(
                    snapshot.vectors, snapshot.owner, len(snapshot.labels)
                )
                self._view = _View(
                    version=snapshot.version,
                    labels=snapshot.labels,
                    prototypes=prototypes,
                    draws=calibration.stranger_draws(self.cohort, prototypes),
                    thresholds={},
                )
            return self._view

    def _threshold(self, view: _View, rate: float) -> float | None:
        if not view.labels:
            return None
        if rate not in view.thresholds:
            view.thresholds[rate] = calibration.threshold(
                view.draws, self.cohort.class_index, rate, "fpir"
            )
        return view.thresholds[rate]

    @staticmethod
    def _decide(
        labels: tuple[str, ...],
        similarity: Floats,
        threshold: float | None,
        rate_kind: Literal["fpir", "fmr"],
        rate: float,
    ) -> Decision:
        best = scoring.top_k(similarity, _CANDIDATES)
        candidates = tuple(
            # Rounding may carry the product of two unit vectors past 1.
            Candidate(labels[i], float(np.clip(similarity[i], -1, 1)))
            for i in best
        )
        accepted = bool(candidates) and threshold is not None and similarity[best[0]] >= threshold
        tied = len(best) > 1 and similarity[best[0]] - similarity[best[1]] <= _TIE
        return Decision(
            answer=("cannot_tell" if tied else "match") if accepted else "unknown",
            label=candidates[0].label if accepted and not tied else None,
            similarity=candidates[0].similarity if candidates else None,
            threshold=threshold,
            rate_kind=rate_kind,
            rate=rate,
            candidates=candidates,
        )
