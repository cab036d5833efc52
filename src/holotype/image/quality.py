"""What is wrong with a picture, in words and in codes: as the domain of the model judges it.

A warning, never an error: a picture without any contrast does not get this far.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.registry import domain_of, domains
from holotype.image.input_kind import another_kind
from holotype.records import Preprocessing, Reason


def doubts(
    pixels: NDArray[Any], luminance: NDArray[np.float32], preprocessing: Preprocessing
) -> tuple[Reason, ...]:
    """Why a picture may be unfit to recognize: its kind (`input_kind`), and then its quality.

    Args:
        pixels: [H, W, 1] or [H, W, 3], uint8, or float32 in [0, 1], as from `decode`.
        luminance: as for `assess`.
        preprocessing: as for `assess`.

    Raises:
        ImageError: the picture has no contrast at all (`ink.strokes`).
    """
    kind = another_kind(pixels, preprocessing)
    return (*((kind.reason,) if kind else ()), *assess(luminance, preprocessing))


def assess(luminance: NDArray[np.float32], preprocessing: Preprocessing) -> tuple[Reason, ...]:
    """Why a picture may be unfit to recognize (`Domain.assess`).

    Args:
        luminance: float32 [H, W] in [0, 1], as decoded.
        preprocessing: of the model.

    Returns:
        Reasons with codes such as `low_quality_blur`, each at most once; none for a picture that
        is fit.

    Raises:
        ImageError: the picture has no contrast at all (`ink.strokes`).
    """
    return domain_of(preprocessing).assess(luminance, preprocessing)


def serious(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Those for which a probe gets no answer; who enrolls is told the others too."""
    return tuple(one for one in reasons if one.code not in ("perhaps_another_kind", *_beside()))


def beside(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Those that are told with an answer, and do not keep it back."""
    return tuple(one for one in reasons if one.code in _beside())


@cache
def _beside() -> frozenset[str]:
    return frozenset(code for domain in domains().values() for code in domain.told_beside)
