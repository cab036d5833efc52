"""What everything that a Recognizer does begins with: pictures to vectors, gallery to view."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from holotype import quality
from holotype.calibration import Cohort, Familiarity, MatchProbability
from holotype.decision import unfamiliar
from holotype.embedder import Embedder
from holotype.gallery import Gallery
from holotype.images import ImageSource
from holotype.recognizer.view import View
from holotype.records import Reason
from holotype.scoring import Floats

Reasons = tuple[Reason, ...]


class Joined:
    """Embedder, gallery and calibration; see `Recognizer`."""

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
                self._view = View.of(snapshot, self._cohort, self._view)
            return self._view

    def _embedded(self, images: Sequence[ImageSource]) -> tuple[Floats, list[Reasons]]:
        """Vectors float32 [B, D] of B pictures, and what is wrong with each of them."""
        found: list[Reasons] = []

        def look(luminance: NDArray[Any]) -> None:
            found.append(quality.assess(luminance, self.embedder.preprocessing))

        return self.embedder.embed(images, look), found

    def _doubts(self, vectors: Floats, quality_of: list[Reasons]) -> list[Reasons]:
        """What is wrong with each picture, being unlike all that prepared the model included."""
        return [
            (*reasons, *unfamiliar(float(p_value)))
            for reasons, p_value in zip(quality_of, self._familiarity.p_value(vectors), strict=True)
        ]
