"""A reference and its imagined kin, with what the model makes of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.domains.strokes.strokes import imagine
from holotype.domains.strokes.tracing import framed
from holotype.embedder import Embedder
from holotype.errors import PackError
from holotype.image.decode import ImageSource, decode
from holotype.image.pixels import Picture
from holotype.image.quality import assess
from holotype.openset import Cohort, Novelty
from holotype.pack import Pack, load_pack, shipped_packs
from holotype.recognizer.decision import unfamiliar_reasons
from holotype.recognizer.kinds import require_kind
from holotype.records import Reason


@dataclass(frozen=True, slots=True, eq=False)
class Kin:
    """One reference and what was imagined from it."""

    reference: NDArray[np.uint8]  # [S, S], the picture itself in the frame of its kin
    pictures: NDArray[np.uint8]  # [n, S, S], ink 0 on paper 255
    warnings: tuple[Reason, ...]  # about the reference; it was drawn from all the same


def imagine_kin(
    pack: Pack, sources: Sequence[ImageSource], count: int, seed: int = 0, size_px: int = 105
) -> list[Kin]:
    """Others of the kind of each reference, drawn with the strokes of a pen.

    The pack says how familiar a reference is, that is, how far its kin can be trusted.

    Args:
        pack: of ink drawings.
        sources: the references, what `images.read` takes.
        count: pictures from each.
        seed: of the variation.
        size_px: side of the pictures.

    Raises:
        PackError: the pack reads other things than ink drawings.
        ImageError: a reference cannot be read, or is blank; the message says which.
        AnotherKindError: a reference is plainly no drawing.
        DataError: a number is out of range.
    """
    if pack.card.preprocessing.kind != "ink":
        able = [
            name for name in shipped_packs() if load_pack(name).card.preprocessing.kind == "ink"
        ]
        raise PackError(
            f"pack {pack.card.name!r} has no generator: it reads whole frames, and only the "
            "strokes of ink drawings can be imagined",
            f"Name a pack of ink drawings ({', '.join(able)}), or a run of a generative method",
        )
    require_kind(sources, pack.card.preprocessing)
    vectors = Embedder(pack).embed(sources)
    familiar = Novelty(pack.background(), Cohort(*pack.cohort())).p_value(vectors)
    novel = unfamiliar_reasons(familiar)
    found = []
    for source, reasons in zip(sources, novel, strict=True):
        picture = Picture(decode(source))
        found.append(
            Kin(
                reference=framed(picture.drawing.strokes, size_px),
                pictures=imagine(source, count, seed, size_px),
                warnings=(*assess(picture, pack.card.preprocessing), *reasons),
            )
        )
    return found
