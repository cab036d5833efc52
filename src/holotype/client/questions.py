"""Who is it, is it that one, are these two the same?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from holotype.client.calling import Calling, Picture
from holotype.client.said import record
from holotype.records import Decision, Shown


class Questions(Calling):
    """What is asked of pictures."""

    def detect(self, *images: Picture) -> list[tuple[Shown, ...]]:
        """What each picture shows, largest first, or why it shows nothing; with the embeddings."""
        said = self._post("/v1/detect", images, None, {})["detected"]
        return [tuple(record(Shown, one) for one in each) for each in said]

    @overload
    def identify(
        self,
        images: Picture,
        fpir: float | str | None = ...,
        *,
        stranger_prior: float = ...,
        confidence: float | str | None = ...,
        tag: str | None = ...,
    ) -> Decision: ...

    @overload
    def identify(
        self,
        images: list[Picture] | tuple[Picture, ...],
        fpir: float | str | None = ...,
        *,
        stranger_prior: float = ...,
        confidence: float | str | None = ...,
        tag: str | None = ...,
    ) -> list[Decision]: ...

    @overload
    def identify(
        self,
        images: None = ...,
        fpir: float | str | None = ...,
        *,
        vectors: NDArray[Any],
        stranger_prior: float = ...,
        confidence: float | str | None = ...,
        tag: str | None = ...,
    ) -> Decision | list[Decision]: ...

    def identify(
        self,
        images: Picture | Sequence[Picture] | None = None,
        fpir: float | str | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        stranger_prior: float = 0.5,
        confidence: float | str | None = None,
        tag: str | None = None,
    ) -> Decision | list[Decision]:
        """As `Recognizer.identify`; also one picture that cannot be read gets `cannot_tell`."""
        many = (
            isinstance(images, list | tuple) or np.ndim(vectors if vectors is not None else 0) > 1
        )
        batch: Sequence[Any] = images if isinstance(images, list | tuple) else [images]
        asked = {"fpir": fpir, "stranger_prior": stranger_prior}
        asked |= {"confidence": confidence, "tag": tag}
        said = self._post("/v1/identify", [] if images is None else batch, vectors, asked)
        decisions = [record(Decision, one) for one in said["answers"]]
        return decisions if many else decisions[0]

    def identify_all(
        self,
        image: Picture,
        fpir: float | str | None = None,
        *,
        stranger_prior: float = 0.5,
        tag: str | None = None,
    ) -> list[Decision]:
        """As `Recognizer.identify_all`, without the vectors."""
        asked = {"fpir": fpir, "stranger_prior": stranger_prior, "tag": tag}
        said = self._post("/v1/identify/all", [image], None, asked)
        return [record(Decision, one) for one in said["answers"]]

    def verify(
        self,
        label: str,
        image: Picture | None = None,
        fmr: float | str | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        stranger_prior: float = 0.5,
        confidence: float | str | None = None,
    ) -> Decision:
        """As `Recognizer.verify`."""
        asked = {
            "label": label,
            "fmr": fmr,
            "confidence": confidence,
            "stranger_prior": stranger_prior,
        }
        images = [] if image is None else [image]
        return record(Decision, self._post("/v1/verify", images, vectors, asked))

    def same(
        self,
        first: Picture,
        second: Picture | None = None,
        fmr: float | str | None = None,
        *,
        description: str | None = None,
    ) -> Decision:
        """As `holotype.recognizer.same`, with the model of the gallery."""
        images = [first] if second is None else [first, second]
        asked = {"text": description, "fmr": fmr}
        return record(Decision, self._post("/v1/same", images, None, asked))
