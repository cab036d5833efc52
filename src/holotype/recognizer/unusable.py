"""Pictures that cannot be used: all of them are named at once, with what is wrong with each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from holotype.domains.domain import Detected
from holotype.errors import ImageError
from holotype.image.decode import ImageSource, describe
from holotype.records import Unusable


def unusable(images: Sequence[ImageSource], probes: Iterable[Detected]) -> tuple[Unusable, ...]:
    """The pictures that give no vector.

    Args:
        images: B.
        probes: B, one of each picture.
    """
    return tuple(
        Unusable(number, _name(image, number), probe.problem, probe.remedy)
        for number, (image, probe) in enumerate(zip(images, probes, strict=True), start=1)
        if probe.vector is None
    )


def refusal(
    found: Sequence[Unusable], total: int, otherwise: str = "", takes: str = "picture"
) -> ImageError:
    """The error that names them, those with the same fault together.

    Args:
        found: at least one.
        total: pictures that were given.
        otherwise: what can be done besides mending the pictures, as the end of the remedy.
        takes: what they are called, `Domain.takes`.
    """
    if len(found) == 1:
        (one,) = found
        place = f"{takes} {one.number} of {total}, " if total > 1 else ""
        name = one.name if one.name != f"picture {one.number}" else f"this {takes}"
        return ImageError(f"{place}{name}: {one.problem}", one.remedy + otherwise)
    faults: dict[str, list[str]] = {}
    for one in found:
        faults.setdefault(one.problem, []).append(one.name)
    named = "; ".join(f"{problem} ({', '.join(names)})" for problem, names in faults.items())
    remedies = {one.remedy for one in found}
    remedy = remedies.pop() if len(remedies) == 1 else "Replace them"
    return ImageError(
        f"{len(found)} of {total} {takes}s cannot be used: {named}", remedy + otherwise
    )


def _name(image: ImageSource, number: int) -> str:
    return describe(image) if isinstance(image, str | os.PathLike) else f"picture {number}"
