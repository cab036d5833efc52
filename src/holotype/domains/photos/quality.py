"""What is wrong with a photograph, in words and in codes.

A warning, never an error. The limits lie beyond what products on a shelf, portraits and scans of
steel show, in focus and at 92 to 112 px: of 600 such pictures none is reported, and of the same
pictures blurred by a Gaussian of 5 % of their side most are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.preprocessing import Preprocessing
from holotype.records import Reason

MIN_CONTRAST = 0.06  # between the darkest and the brightest hundredth, of the full range
MIN_SIDE = 0.25  # of the shorter side, of the model's input
MAX_EDGE = 0.1  # width of the sharpest edges, of the shorter side
_EXTREMES = (0.01, 0.99)
_SHARPEST = 0.999  # the rest may be glints and dead pixels


def assess(luminance: NDArray[np.float32], preprocessing: Preprocessing) -> tuple[Reason, ...]:
    """Why a photograph may be unfit to recognize.

    Args:
        luminance: float32 [H, W] in [0, 1], as decoded.
        preprocessing: of the model, kind `photo`.

    Returns:
        Reasons with the codes `low_quality_size`, `low_quality_contrast` and `low_quality_blur`;
        none for a picture that is fit. Where there is no contrast, blur is not judged.
    """
    low, high = (float(level) for level in np.quantile(luminance, _EXTREMES))
    shorter_px, contrast = min(luminance.shape), high - low
    problems = {}
    if shorter_px < MIN_SIDE * preprocessing.size_px:
        needed_px = round(MIN_SIDE * preprocessing.size_px)
        problems["size"] = (
            f"the picture is {shorter_px} px on its shorter side; at least {needed_px} px are "
            "needed. Take it from nearer by, or at a higher resolution"
        )
    if contrast < MIN_CONTRAST:
        problems["contrast"] = (
            f"the picture's tones span {contrast:.0%} of the full range; at least "
            f"{MIN_CONTRAST:.0%} is needed. Use more light, or clean the lens"
        )
    else:
        down, right = np.gradient(luminance)
        steepest = float(np.quantile(np.hypot(down, right), _SHARPEST))
        edge = contrast / max(steepest, 1e-6) / shorter_px
        if edge > MAX_EDGE:
            problems["blur"] = (
                f"the sharpest edges are {min(edge, 1):.0%} of the picture wide; at most "
                f"{MAX_EDGE:.0%} is understood. Hold the camera still and in focus"
            )
    return tuple(Reason(f"low_quality_{what}", text) for what, text in problems.items())
