"""What everything that a Recognizer does begins with: pictures to vectors, gallery to view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from holotype import quality
from holotype.calibration import Cohort, Familiarity, MatchProbability
from holotype.calibration.threshold import FEW_CLASSES
from holotype.decision import unfamiliar
from holotype.embedder import Embedder
from holotype.forking import Lock
from holotype.gallery import Gallery
from holotype.images import ImageSource
from holotype.recognizer.probes import Probe, Reasons, picture_probes, stacked
from holotype.recognizer.unusable import refusal, unusable
from holotype.recognizer.view import View
from holotype.records import Basis
from holotype.scoring import Floats


class Joined:
    """Embedder, gallery and calibration; see `Recognizer`."""

    def __init__(
        self,
        embedder: Embedder,
        gallery: Gallery | Callable[[], Gallery],
        cohort: Cohort,
        background: Floats,
        default: float | None = None,
        cohort_data: str = "the model's cohort",
    ) -> None:
        self.embedder = embedder
        self._cohort = cohort
        self._cohort_data = cohort_data
        self._cohort_classes = len(np.unique(cohort.class_index))
        self._default = default
        self._matching = MatchProbability.fit(cohort)
        self._familiarity = Familiarity(background, cohort)
        self._gallery = gallery
        self._view: View | None = None
        self._lock = Lock()

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _current(self) -> View:
        gallery = self.gallery
        with self._lock:
            snapshot = gallery.snapshot()
            if self._view is None or self._view.snapshot.version != snapshot.version:
                self._view = View.of(snapshot, self._cohort, self._view, self._default)
            return self._view

    def _basis(self, view: View, promised: bool) -> Basis | None:
        """Whose pictures set a threshold of this gallery."""
        if not view.labels:
            return None
        own = view.draws.own_classes
        return Basis(
            "estimated" if promised else "not measured",
            self._cohort_data,
            self._cohort_classes,
            own if own >= FEW_CLASSES else 0,
        )

    def _embedded(self, images: Sequence[ImageSource]) -> tuple[Floats, list[Reasons]]:
        """Vectors float32 [B, D] of B pictures, and what is wrong with each of them.

        Raises:
            ImageError: some cannot be read or hold nothing; names each of them.
        """
        probes = [probe for (probe,) in picture_probes(self.embedder, images)]
        if found := unusable(images, probes):
            raise refusal(found, len(images))
        return stacked(probes), [probe.reasons for probe in probes]

    def _probes(
        self, images: Sequence[ImageSource], prototypes: Floats, everybody: bool = False
    ) -> list[list[Probe]]:
        """What each of B pictures shows, compared with some of the enrolled.

        Args:
            images: the pictures.
            prototypes: float32 unit [N, D].
            everybody: whether each face of a picture is a probe; if not, there is one.
        """
        shown = picture_probes(self.embedder, images, everybody)
        for probe in (probe for probes in shown for probe in probes):
            probe.reasons = quality.serious(probe.reasons)
        seen = [probe for probes in shown for probe in probes if probe.vector is not None]
        if seen:
            vectors = stacked(seen)
            p_values = self._familiarity.p_value(vectors).tolist()
            for probe, row, p_value in zip(seen, vectors @ prototypes.T, p_values, strict=True):
                probe.similarity, probe.familiarity = row, p_value
        return shown

    def _doubts(self, vectors: Floats, quality_of: list[Reasons]) -> list[Reasons]:
        """What is wrong with each picture, being unlike all that prepared the model included."""
        return [
            (*reasons, *unfamiliar(float(p_value)))
            for reasons, p_value in zip(quality_of, self._familiarity.p_value(vectors), strict=True)
        ]
