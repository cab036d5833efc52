"""What a picture shows of faces, and why one may be unfit to recognize.

The limits were set on five portraits in the public domain, at many sizes and blurred by many
degrees, and by geometry; not on the faces that the documentation counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.faces.finding import Bytes, Face, find, turned_by
from holotype.errors import ImageError
from holotype.image.decode import unit_range
from holotype.records import Reason

MIN_WIDTH_PX = 60  # of the detector's box: brows to chin
# The nose stands out about 22 mm from the plane of the eyes, whose centers are 63 mm apart. Turned
# by an angle, its foot lies 22 tan(angle) / 63 of their distance beside their middle: 45 degrees.
MAX_TURN = 0.35
# Portraits that were blurred beyond this (Crete et al. 2007) are alike to themselves, sharp, only
# as pictures of two days are.
MAX_BLUR = 0.86
_BLUR_PX = 9  # the length of the mean that the measure compares with, of 150
# Another face counts where it is at least so wide, of the largest: others stand in the background.
_BESIDE = 0.5
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a face may be unfit, and what helps; neither part ends in a period."""

    code: str
    problem: str
    remedy: str

    @property
    def reason(self) -> Reason:
        """As a decision carries it."""
        return Reason(self.code, f"{self.problem}. {self.remedy}")


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A face and what speaks against it; or none, and why."""

    face: Face | None
    doubts: tuple[Doubt, ...]


def sightings(decoded: NDArray[Any], everybody: bool = False) -> list[Sighting]:
    """What a picture shows: at least one sighting.

    Args:
        decoded: [H, W, 1] or [H, W, 3], uint8, or float32 in [0, 1], as from `decode`.
        everybody: whether each face is a sighting of its own. If not, there is one: the face, or
            the doubt `no_face`, `upside_down`, `on_its_side` or `several_faces`.
    """
    pixels = rgb_bytes(decoded)
    found = find(pixels, everywhere=everybody)
    if not found:
        return [Sighting(None, (_none(pixels),))]
    if everybody:
        return [Sighting(face, _unfit(face)) for face in found]
    beside = [face for face in found if face.width_px >= _BESIDE * found[0].width_px]
    if len(beside) > 1:
        return [Sighting(None, (_several(beside),))]
    return [Sighting(found[0], _unfit(found[0]))]


def only_face(decoded: NDArray[Any]) -> Face:
    """The one face of a picture.

    Args:
        decoded: as for `sightings`.

    Raises:
        ImageError: it shows none, or several.
    """
    (sighting,) = sightings(decoded)
    if sighting.face is None:
        (doubt,) = sighting.doubts
        raise ImageError(doubt.problem, doubt.remedy)
    return sighting.face


def rgb_bytes(decoded: NDArray[Any]) -> Bytes:
    """A decoded picture as faces are looked for in it: uint8 [H, W, 3]."""
    if decoded.dtype != np.uint8:
        decoded = np.rint(255 * unit_range(decoded)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(decoded, (*decoded.shape[:2], 3)))


def _none(pixels: Bytes) -> Doubt:
    degrees = turned_by(pixels)
    if degrees == 180:
        return Doubt("upside_down", "the face is upside down", "Turn the picture")
    if degrees is not None:
        return Doubt("on_its_side", "the face lies on its side", "Turn the picture")
    return Doubt(
        "no_face",
        "no face was found",
        "Show one face from the front, in even light, over a twentieth of the picture's longer "
        f"side and at least {MIN_WIDTH_PX} px wide",
    )


def _several(faces: list[Face]) -> Doubt:
    boxes = "; ".join(
        f"{face.width_px} px wide at {face.box[0]}, {face.box[1]}" for face in faces[:_NAMED]
    )
    more = f"; and {len(faces) - _NAMED} more" if len(faces) > _NAMED else ""
    return Doubt(
        "several_faces",
        f"{len(faces)} faces are in the picture ({boxes}{more}); one is needed",
        "Cut out the one that is meant, or identify them all (`--all-faces`)",
    )


def _unfit(face: Face) -> tuple[Doubt, ...]:
    doubts = []
    if face.width_px < MIN_WIDTH_PX:
        doubts.append(
            Doubt(
                "face_too_small",
                f"the face is {face.width_px} px wide, {MIN_WIDTH_PX} needed",
                "Come nearer, or use a camera of a higher resolution",
            )
        )
    turn = _turn(face)
    if turn > MAX_TURN:
        doubts.append(
            Doubt(
                "face_turned_away",
                f"the nose lies {turn:.0%} of the distance of the eyes beside their middle; at "
                f"most {MAX_TURN:.0%} is understood",
                "Look at the camera",
            )
        )
    blur = _blur(face)
    if blur > MAX_BLUR:
        doubts.append(
            Doubt(
                "face_blurred",
                f"the face is blurred ({blur:.2f} of 1); at most {MAX_BLUR:.2f} is understood",
                "Hold still, and wipe and focus the camera",
            )
        )
    return tuple(doubts)


def _turn(face: Face) -> float:
    """How far the foot of the nose lies beside the middle of the eyes, of the eyes' distance."""
    right, left, nose = face.points[:2].mean(axis=0), face.points[2:4].mean(axis=0), face.points[4]
    across = right - left
    return abs(float((nose - (right + left) / 2) @ across)) / max(float(across @ across), 1e-6)


def _blur(face: Face) -> float:
    """How little is lost by blurring once more (Crete et al. 2007, section 3): 0 sharp, 1 blurred.

    Of the differences between neighboring pixels, the share that a running mean leaves.
    """
    luminance = face.chip.astype(np.float64).mean(axis=2)
    half = _BLUR_PX // 2
    blurs = []
    for rows in (luminance, luminance.T):
        means = np.lib.stride_tricks.sliding_window_view(rows, _BLUR_PX, axis=1).mean(axis=2)
        sharp = np.abs(np.diff(rows[:, half:-half], axis=1))
        lost = np.maximum(sharp - np.abs(np.diff(means, axis=1)), 0)
        blurs.append(1 - lost.sum() / max(sharp.sum(), 1e-6))
    return float(max(blurs))
