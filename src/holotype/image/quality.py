"""What is wrong with a picture, in words and in codes: as the domain of the model judges it.

A warning, never an error: a picture without any contrast does not get this far.
"""

from __future__ import annotations

from functools import cache

from holotype.domains.registry import domain_of, domains
from holotype.image.input_kind import another_kind
from holotype.image.pixels import Picture
from holotype.preprocessing import Preprocessing
from holotype.records import Reason


def doubts(picture: Picture, preprocessing: Preprocessing) -> tuple[Reason, ...]:
    """Why a picture may be unfit to recognize: its kind (`input_kind`), and then its quality.

    Raises:
        ImageError: the picture has no contrast at all (`ink.Drawing`).
    """
    kind = another_kind(picture, preprocessing)
    return (*((kind.reason,) if kind else ()), *assess(picture, preprocessing))


def assess(picture: Picture, preprocessing: Preprocessing) -> tuple[Reason, ...]:
    """Why a picture may be unfit to recognize (`Domain.assess`).

    Returns:
        Reasons with codes such as `low_quality_blur`, each at most once; none for a picture that
        is fit.

    Raises:
        ImageError: the picture has no contrast at all (`ink.Drawing`).
    """
    return domain_of(preprocessing).assess(picture, preprocessing)


def serious(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Those for which a probe gets no answer; who enrolls is told the others too."""
    return tuple(one for one in reasons if one.code not in _beside())


def beside(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Those that are told with an answer, and do not keep it back."""
    return tuple(one for one in reasons if one.code in _beside())


@cache
def _beside() -> frozenset[str]:
    told = (code for domain in domains().values() for code in domain.told_beside)
    return frozenset(("perhaps_another_kind", *told))
