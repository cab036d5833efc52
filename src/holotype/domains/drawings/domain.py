"""Drawings in ink on paper: cropped to the strokes (`ink`), or where they are (`frame`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from holotype.domains import rules
from holotype.domains.declared import Notes, Stated, picture_constants
from holotype.domains.domain import AnotherKind, Floats, Reasons
from holotype.domains.drawings.quality import A_NAME, assess
from holotype.domains.picture_domain import PictureDomain
from holotype.errors import PackError
from holotype.image.input_kind import LOOKS, PLAINLY, impression
from holotype.image.pixels import Picture
from holotype.model.graph import Graph
from holotype.preprocessing import Preprocessing

_FOR_TONES = (
    "The pack `objects` reads things in photographs, `faces` faces; show a drawing on plain paper, "
    "in even light"
)


class Frames(PictureDomain):
    """The strokes where they are, the whole frame on a square, as the few-shot papers feed them."""

    kind = "frame"
    needs = {
        "size_px": rules.is_side,
        "margin_px": rules.is_count,
        "channels": rules.is_channels,
    }

    def agree(self, constants: dict[str, Any]) -> None:
        """A margin leaves something, and drawings are grey."""
        if 2 * constants["margin_px"] >= constants["size_px"]:
            raise ValueError(
                f"margin_px={constants['margin_px']} leaves nothing of "
                f"size_px={constants['size_px']}"
            )
        if constants["channels"] != 1:
            raise ValueError(f"channels={constants['channels']}, but drawings are grey")

    def in_words(self, constants: Preprocessing) -> str:
        """Such as `1 x 48 x 48 px, ink 1 on paper 0, ...`."""
        fitted = f", fitted by `{constants.fit}`" if constants.fit else ""
        return (
            f"{' x '.join(map(str, constants.input_shape))} px, ink 1 on paper 0, kind "
            f"`{constants.kind}`{fitted}, margin {constants.margin_px} px"
        )

    def sample(self, constants: Preprocessing) -> str:
        """Single characters; a model fitted `wide` reads whole names."""
        return "" if constants.fit == "wide" else "sample"

    def prepare(self, picture: Picture, constants: Preprocessing) -> Floats:
        """Strokes centered on a square of paper: float32 [1, S, S], ink 1 on paper 0."""
        strokes = picture.drawing.strokes
        margin_px, inner = constants.margin_px, constants.size_px - 2 * constants.margin_px
        height, width = strokes.shape
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.pad(strokes, ((top, side - height - top), (left, side - width - left)))
        small = Image.fromarray(square).resize((inner, inner), Image.Resampling.BILINEAR)
        return np.pad(np.clip(np.asarray(small, dtype=np.float32), 0, 1), margin_px)[None]

    def constants(self, graph: Graph, stated: Stated, notes: Notes) -> dict[str, Any]:
        """Of drawings only the size can be stated."""
        _, constants = picture_constants(graph, stated, notes)
        if stated.fit or stated.mean or stated.std or stated.share or stated.resample:
            raise PackError(
                f"fit, mean, std, share and resample belong to photographs, not to kind "
                f"{self.kind}",
                "Leave them out",
            )
        return constants


class Ink(Frames):
    """The strokes, cropped, centered and scaled; fitted `wide`, at twice their height."""

    kind = "ink"
    packs = {"characters": "handwritten characters", "signatures": "signatures"}
    may = {"fit": lambda value: value == "wide"}

    def prepare(self, picture: Picture, constants: Preprocessing) -> Floats:
        """float32 [1, S, S], ink 1 on paper 0."""
        heights = 2 if constants.fit == "wide" else 1
        return picture.drawing.fitted(constants.size_px, constants.margin_px, heights)[None]

    def another_kind(self, picture: Picture, constants: Preprocessing) -> AnotherKind | None:
        """What is no ink on paper, plainly or perhaps."""
        found = impression(picture)
        total = found.departures.sum
        if constants.fit == "wide":
            total -= found.departures.pieces * (1 - 1 / A_NAME)
        if found.kind in ("ink", "blank") or total <= 1:
            return None
        problem = f"{LOOKS[found.kind]}; the model reads drawings in ink on paper"
        if found.kind == "page":
            return AnotherKind(total > PLAINLY, problem, "Cut out the one drawing that is meant")
        return AnotherKind(total > PLAINLY, problem, _FOR_TONES, ("objects", "faces"))

    def assess(self, picture: Picture, constants: Preprocessing) -> Reasons:
        """Contrast, size, ink and blur."""
        return assess(picture.drawing, constants)


DOMAINS = (Ink(), Frames())
