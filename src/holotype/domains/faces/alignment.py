"""How a face is cut out of its picture, as the network wants it that will see it.

Networks after ArcFace (Deng et al. 2019) take faces whose eyes, tip of the nose and corners of the
mouth are brought near five places of a square of 112 px by a similarity (Umeyama 1991). The places
are those of insightface, `utils/face_align.py`. The points that are found here are others: four
corners of the eyes and the foot of the nose. Where these come to lie when the five do is worked out
once on the mean face of dlib, which has them all (`image_transforms/interpolation.h`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.domains.faces.finding import Bytes, Face
from holotype.preprocessing import Preprocessing

Points = NDArray[np.float64]  # [N, 2], x and y in px, whose centers are whole numbers

SIDE_PX = 112
# Eye on the left of the picture, on its right, tip of the nose, corners of the mouth.
_ARCFACE: Points = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
# On dlib's mean face, of side 1: the points that are found here, and two of the five.
_FOUND: Points = np.array(
    [[0.8595674595992, 0.2134981538014], [0.6460604764104, 0.2289674387677],
     [0.1205750620789, 0.2137274526848], [0.3340850613712, 0.2290642403242],
     [0.4901123135679, 0.6277975316475]]
)  # fmt: skip
_TIP, _MOUTH = (0.490127, 0.515625), ((0.254149, 0.780233), (0.726104, 0.780233))


def chip(picture: Bytes, face: Face, preprocessing: Preprocessing) -> Bytes:
    """A face cut out, before its tones are scaled.

    Args:
        picture: uint8 [H, W, 3], RGB, in which it was found.
        face: of that picture.
        preprocessing: of the kind `face`.

    Returns:
        uint8 [h, w, 3].
    """
    _, height, width = preprocessing.input_shape
    return _CUTS[preprocessing.alignment](picture, face, height, width)


def template(height: int, width: int) -> Points:
    """Where the points of a face lie in its picture after ArcFace: float64 [5, 2].

    Args:
        height: of that picture in px; the places are scaled by it, and cut or widened evenly.
        width: likewise.
    """
    eyes = [_FOUND[2:4].mean(axis=0), _FOUND[:2].mean(axis=0)]
    five = np.array([*eyes, _TIP, *_MOUTH])
    matrix, shift = similarity(five, _ARCFACE)
    scale = height / SIDE_PX
    centered: Points = (_FOUND @ matrix.T + shift + 0.5) * scale - 0.5
    places: Points = centered + np.array([(width - height) / 2, 0])
    return places


def similarity(points: Points, places: Points) -> tuple[Points, Points]:
    """Turn, scale and shift that bring points nearest to places (Umeyama 1991), never mirrored.

    Args:
        points: float64 [N, 2].
        places: float64 [N, 2].

    Returns:
        Matrix [2, 2] and shift [2]: `points @ matrix.T + shift`.
    """
    middle, target = points.mean(axis=0), places.mean(axis=0)
    apart, wanted = points - middle, places - target
    left, stretch, right = np.linalg.svd(wanted.T @ apart)
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    scale = (stretch * signs).sum() / max(float((apart**2).sum()), 1e-12)
    matrix: Points = scale * (left * signs) @ right
    return matrix, target - middle @ matrix.T


def aligned(picture: Bytes, points: Points, height: int, width: int) -> Bytes:
    """The part of a picture whose points come nearest to `template`; black beyond its border.

    Args:
        picture: uint8 [H, W, 3].
        points: float64 [5, 2], as of `Face`.
        height: of the result in px.
        width: of the result in px.

    Returns:
        uint8 [height, width, 3].
    """
    matrix, shift = similarity(points, template(height, width))
    back = np.linalg.inv(matrix)
    # Of a large face so many pixels make one, so that fine patterns do not alias.
    step = max(1, math.floor(math.sqrt(abs(np.linalg.det(back)))))
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - 0.5
    around = (corners - shift) @ back.T
    limits = np.array(picture.shape[1::-1])
    low = np.clip(np.floor(around.min(axis=0)).astype(int) - step, 0, limits - 1)
    high = np.clip(np.ceil(around.max(axis=0)).astype(int) + step + 1, low + 1, limits)
    part = Image.fromarray(picture[low[1] : high[1], low[0] : high[0]])
    if step > 1:
        part = part.reduce(step)
    # Pillow counts from the edge of the first pixel, the points from its center.
    offset = (0.5 - shift - 0.5) @ back.T + 0.5 - low
    offset = offset - 0.5 * back.sum(axis=1)
    rows = np.concatenate([back, offset[:, None]], axis=1) / step
    cut = part.transform(
        (width, height), Image.Transform.AFFINE, rows.ravel().tolist(), Image.Resampling.BILINEAR
    )
    return np.asarray(cut)


def _by_template(picture: Bytes, face: Face, height: int, width: int) -> Bytes:
    return aligned(picture, face.points, height, width)


def _by_dlib(picture: Bytes, face: Face, height: int, width: int) -> Bytes:
    return face.chip


def _by_box(picture: Bytes, face: Face, height: int, width: int) -> Bytes:
    left, top, right, bottom = (max(edge, 0) for edge in face.box)
    return picture[top:bottom, left:right]


_CUTS: dict[str | None, Callable[[Bytes, Face, int, int], Bytes]] = {
    None: _by_dlib,
    "arcface": _by_template,
    "box": _by_box,
}
