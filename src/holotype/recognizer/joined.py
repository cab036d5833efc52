"""What everything that a Recognizer does begins with: pictures to vectors, gallery to view."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from holotype import quality
from holotype.calibration import Cohort, Familiarity, MatchProbability
from holotype.decision import unfamiliar
from holotype.decoding import describe
from holotype.embedder import Embedder
from holotype.errors import ImageError
from holotype.gallery import Gallery
from holotype.images import ImageSource
from holotype.recognizer.probes import Probe, Reasons, face_probes
from holotype.recognizer.view import View
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
    ) -> None:
        self.embedder = embedder
        self._cohort = cohort
        self._default = default
        self._matching = MatchProbability.fit(cohort)
        self._familiarity = Familiarity(background, cohort)
        self._gallery = gallery
        self._view: View | None = None
        self._lock = threading.Lock()

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

    def _embedded(self, images: Sequence[ImageSource]) -> tuple[Floats, list[Reasons]]:
        """Vectors float32 [B, D] of B pictures, and what is wrong with each of them."""
        if self.embedder.preprocessing.kind == "face":
            return self._only_faces(images)
        found: list[Reasons] = []

        def look(luminance: NDArray[Any]) -> None:
            found.append(quality.assess(luminance, self.embedder.preprocessing))

        return self.embedder.embed(images, look), found

    def _probes(
        self, images: Sequence[ImageSource], prototypes: Floats, everybody: bool = False
    ) -> list[list[Probe]]:
        """What each of B pictures shows, compared with some of the enrolled.

        Args:
            images: the pictures.
            prototypes: float32 unit [N, D].
            everybody: whether each face of a picture is a probe; if not, there is one.
        """
        if self.embedder.preprocessing.kind == "face":
            shown = [face_probes(self.embedder, image, everybody) for image in images]
        else:
            shown = [[Probe(*one)] for one in zip(*self._embedded(images), strict=True)]
        seen = [probe for probes in shown for probe in probes if probe.vector is not None]
        if seen:
            vectors = np.stack([probe.vector for probe in seen if probe.vector is not None])
            p_values = self._familiarity.p_value(vectors).tolist()
            for probe, row, p_value in zip(seen, vectors @ prototypes.T, p_values, strict=True):
                probe.similarity, probe.familiarity = row, p_value
        return shown

    def _only_faces(self, images: Sequence[ImageSource]) -> tuple[Floats, list[Reasons]]:
        """`_embedded` for faces, of which each picture must show one."""
        vectors = np.empty((len(images), self.embedder.embedding_dim), dtype=np.float32)
        found: list[Reasons] = []
        for i, image in enumerate(images):
            (probe,) = face_probes(self.embedder, image)
            if probe.vector is None:
                place = f"picture {i + 1} of {len(images)}, " if len(images) > 1 else ""
                raise ImageError(f"{place}{describe(image)}: {probe.problem}", probe.remedy)
            vectors[i] = probe.vector
            found.append(probe.reasons)
        return vectors, found

    def _doubts(self, vectors: Floats, quality_of: list[Reasons]) -> list[Reasons]:
        """What is wrong with each picture, being unlike all that prepared the model included."""
        return [
            (*reasons, *unfamiliar(float(p_value)))
            for reasons, p_value in zip(quality_of, self._familiarity.p_value(vectors), strict=True)
        ]
