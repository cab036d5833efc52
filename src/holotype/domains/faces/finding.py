"""Where the faces of a picture are: dlib's frontal detector, from coarse to fine.

The detector (histograms of oriented gradients: Dalal and Triggs 2005; dlib's has five views) finds
faces of 80 px and larger, and its time goes with the number of pixels. So a picture is searched
small first, and at twice the resolution only where nothing was found: what stands before a camera
at a door is large, and is found at a small part of the cost of searching everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import dlib
import face_recognition_models
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.domains.faces.boxes import Box, overlap

# The side in px to which pictures are enlarged at most, and how much small ones are; the coarsest
# search is the first of its halves that is not above `_COARSE_PX`.
_FINE_PX, _ENLARGED = 2560, 2.6
_COARSE_PX = 640
# Boxes that share more than this of their union are one face.
_SAME_FACE = 0.4

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture. Lengths are pixels of that picture, from its upper left corner."""

    box: Box  # left, top, right, bottom, as the detector frames a face: brows to chin
    # float64 [5, 2], x and y: outer and inner corner of the eye on the right of the picture, of the
    # eye on its left, and the foot of the nose
    points: NDArray[np.float64]
    chip: Bytes  # [150, 150, 3] RGB, the face turned upright and cut out

    @property
    def width_px(self) -> int:
        """Width of the box."""
        return self.box[2] - self.box[0]


def find(pixels: Bytes, everywhere: bool = False) -> list[Face]:
    """The faces of a picture, largest first.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        everywhere: whether the search goes on to the smallest faces when larger ones were found.
    """
    found: list[tuple[Box, float]] = []
    for side_px in _sides(max(pixels.shape[:2])):
        found.extend(_detect(pixels, side_px))
        if found and not everywhere:
            break
    largest_first = sorted(_distinct(found), key=lambda box: box[0] - box[2])
    return [_face(pixels, box) for box in largest_first]


def turned_by(pixels: Bytes) -> int | None:
    """By how many degrees a picture must be turned counterclockwise to show a face, if that helps.

    Args:
        pixels: uint8 [H, W, 3], RGB, in which no face was found.

    Returns:
        90, 180 or 270; None where no face is found either way.
    """
    side_px = _sides(max(pixels.shape[:2]))[0]
    found = {
        90 * turns: max((score for _, score in _detect(turned, side_px)), default=0.0)
        for turns in (2, 1, 3)
        for turned in [np.ascontiguousarray(np.rot90(pixels, turns))]
    }
    best = max(found, key=lambda degrees: found[degrees])
    return best if found[best] else None


def _sides(longer_px: int) -> list[int]:
    """The longer sides at which a picture is searched, in px, coarsest first."""
    sides = [round(min(_FINE_PX, _ENLARGED * longer_px))]
    while sides[0] > _COARSE_PX:
        sides.insert(0, sides[0] // 2)
    return sides


def _detect(pixels: Bytes, side_px: int) -> list[tuple[Box, float]]:
    """Boxes in px of the picture, and their scores, searched with its longer side so long."""
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    grey = Image.fromarray(pixels).convert("L")
    reduced = np.asarray(grey.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    boxes, scores, _ = _detector().run(reduced, 0, 0.0)
    return [
        (
            tuple(
                round(edge / scale)
                for edge in (box.left(), box.top(), box.right() + 1, box.bottom() + 1)
            ),
            score,
        )
        for box, score in zip(boxes, scores, strict=True)
    ]


def _distinct(found: list[tuple[Box, float]]) -> list[Box]:
    """One of each: where boxes meet, the best score."""
    kept: list[Box] = []
    for box, _ in sorted(found, key=lambda item: -item[1]):
        if all(overlap(box, other) <= _SAME_FACE for other in kept):
            kept.append(box)
    return kept


def _face(pixels: Bytes, box: Box) -> Face:
    left, top, right, bottom = box
    shape = _landmarks()(pixels, dlib.rectangle(left, top, right - 1, bottom - 1))
    points = np.array([(p.x, p.y) for p in shape.parts()], dtype=np.float64)
    return Face(box, points, dlib.get_face_chip(pixels, shape, size=150))


@cache
def _detector() -> Any:
    return dlib.get_frontal_face_detector()


@cache
def _landmarks() -> Any:
    # Never the file of 68 points: its licence excludes commercial use.
    return dlib.shape_predictor(face_recognition_models.pose_predictor_five_point_model_location())
