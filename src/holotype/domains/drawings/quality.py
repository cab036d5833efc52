"""What is wrong with a picture of ink on paper, in words and in codes.

A warning, never an error: a picture without any contrast does not get this far. The limits lie
beyond what careful and careless drawings show, and beyond digits scanned at 8 x 8 pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.image.ink import INK_LEVEL, Drawing, border
from holotype.preprocessing import Preprocessing
from holotype.records import Reason

MIN_CONTRAST = 0.1  # of the full range
MAX_TEXTURE = 0.35  # mean deviation of the outermost pixels, of the ink's contrast
MIN_SIZE_PX = 6  # longer side of the ink
MIN_INK, MAX_INK = 0.008, 0.55  # share of the square around the ink that is ink
MAX_BORDER = 0.25  # share of the outermost pixels that are ink
MAX_EDGES = 10.0  # total variation over the side of the square: a stroke across it adds 2
A_NAME = 2  # where several characters make one drawing, it may have so many times the strokes
MAX_EDGE = 0.11  # width of the sharpest edge from paper to ink, of the drawing's longer side
_SHARP_EDGE_PX = 4.0  # a narrower edge is as sharp as the resolution allows
# Below this side the outermost pixels are too large a part of any drawing to tell of a border.
_MIN_BORDER_SIDE_PX = 16


def assess(drawing: Drawing, preprocessing: Preprocessing) -> tuple[Reason, ...]:
    """Why a picture may be unfit to recognize.

    Args:
        drawing: what the picture shows.
        preprocessing: of the model, kind `ink`.

    Returns:
        Reasons with the codes `low_quality_contrast`, `low_quality_size`, `low_quality_ink` and
        `low_quality_blur`, each at most once; none for a picture that is fit.
    """
    margin_px, size_px = preprocessing.margin_px, preprocessing.size_px
    fitted = drawing.fitted(size_px, margin_px)
    square = fitted[margin_px : size_px - margin_px, margin_px : size_px - margin_px]
    top, bottom, left, right = drawing.box
    strokes, longer_px = drawing.strokes, max(bottom - top, right - left)
    problems = {
        "contrast": _contrast(drawing),
        "size": _size(longer_px),
        "ink": _ink(strokes, square, MAX_EDGES * (A_NAME if preprocessing.fit == "wide" else 1)),
        "blur": _blur(strokes, longer_px),
    }
    return tuple(Reason(f"low_quality_{what}", text) for what, text in problems.items() if text)


def _contrast(drawing: Drawing) -> str | None:
    contrast = drawing.contrast
    if contrast < MIN_CONTRAST:
        return (
            f"the ink stands out from the paper by {contrast:.0%} of the full range; at least "
            f"{MIN_CONTRAST:.0%} is needed. Use a darker pen or more light"
        )
    texture = float(np.abs(drawing.border - drawing.paper).mean()) / contrast
    if texture > MAX_TEXTURE:
        return (
            f"the paper varies by {texture:.0%} of the ink's contrast; at most {MAX_TEXTURE:.0%} "
            "is understood. Use plain paper and even light"
        )
    return None


def _size(longer_px: int) -> str | None:
    if longer_px < MIN_SIZE_PX:
        return (
            f"the drawing is {longer_px} px large; at least {MIN_SIZE_PX} px are needed. Take the "
            "picture from nearer by"
        )
    return None


def _ink(strokes: NDArray[np.float32], square: NDArray[np.float32], max_edges: float) -> str | None:
    share = float(square.mean())
    if not MIN_INK <= share <= MAX_INK:
        return (
            f"ink covers {share:.1%} of its square; drawings cover {MIN_INK:.1%} to {MAX_INK:.0%}. "
            "Show one drawing, made with a pen"
        )
    if min(strokes.shape) >= _MIN_BORDER_SIDE_PX:
        cut = float((border(strokes) > INK_LEVEL).mean())
        if cut > MAX_BORDER:
            return (
                f"ink lies on {cut:.0%} of the picture's border; at most {MAX_BORDER:.0%} is "
                "understood. Leave some paper around the drawing"
            )
    edges = sum(float(np.abs(np.diff(square, axis=axis)).sum()) for axis in (0, 1)) / len(square)
    if edges > max_edges:
        return (
            f"the picture has {edges / 2:.1f} strokes across it; drawings have at most "
            f"{max_edges / 2:.1f}. Show one drawing alone"
        )
    return None


def _blur(strokes: NDArray[np.float32], longer_px: int) -> str | None:
    down, right = (np.square(rise, dtype=np.float64) for rise in np.gradient(strokes))
    edge_px = 1 / max(float(np.float32(np.sqrt((down + right).max()))), 1e-6)
    if edge_px > _SHARP_EDGE_PX and edge_px > MAX_EDGE * longer_px:
        return (
            f"the sharpest edge is {edge_px / longer_px:.0%} of the drawing wide; at most "
            f"{MAX_EDGE:.0%} is understood. Hold the camera still and in focus"
        )
    return None
