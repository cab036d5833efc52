"""The pictures that are enrolled: whether they agree with one another, and how they are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holotype.gallery import Snapshot
from holotype.gallery.matrix import same
from holotype.openset import MatchProbability
from holotype.records import Reason
from holotype.stats.scoring import Floats, unit

# Examples less alike than this share of pictures of one class are to the others do not agree.
_DISAGREE = 0.02


def already_stored(stored: Sequence[bool], label: str, what: str = "picture") -> tuple[Reason, ...]:
    """Which of the pictures, the very same, their label had before.

    Args:
        stored: of each picture, whether it was stored now.
        label: of all of them.
        what: they are.

    Returns:
        Reasons with the code `already_stored`.
    """
    return tuple(
        Reason(
            "already_stored",
            f"{_named(number, len(stored), what)} is already stored for {label}, and adds nothing",
        )
        for number, new in enumerate(stored, start=1)
        if not new
    )


def stored_for_others(snapshot: Snapshot, label: str, vectors: Floats) -> tuple[Reason, ...]:
    """Which of the pictures, the very same, another label has.

    Args:
        snapshot: of the gallery.
        label: of all of them.
        vectors: float32 unit [B, D] of the pictures.

    Returns:
        Reasons with the code `stored_for_another`.
    """
    found = []
    for number, vector in enumerate(vectors, start=1):
        owners = snapshot.owner[same(snapshot.vectors, vector)].tolist()
        for other in dict.fromkeys(snapshot.labels[owner] for owner in owners):
            if other != label:
                text = f"{_named(number, len(vectors))} is the very same that is stored for {other}"
                found.append(Reason("stored_for_another", text))
    return tuple(found)


def _named(number: int, total: int, what: str = "picture") -> str:
    return f"{what} {number}" if total > 1 else f"this {what}"


def disagreements(
    earlier: Floats,
    added: Floats,
    matching: MatchProbability | None,
    numbers: Sequence[int] | None = None,
) -> tuple[Reason, ...]:
    """Which of the added examples are unlike the others of their label.

    Args:
        earlier: float32 unit [K, D], the examples that the label had.
        added: float32 unit [B, D].
        matching: knows how alike pictures of one class are; None: nothing can be said.
        numbers: [B] of the pictures; None: 1 to B.

    Returns:
        Reasons with the code `examples_disagree`, naming the added pictures.
    """
    together = np.concatenate([earlier, added])
    if matching is None or len(together) < 2:
        return ()
    level = matching.genuine_quantile(_DISAGREE, len(together) - 1)
    total = together.sum(axis=0)
    found = []
    for number, vector in zip(numbers or range(1, len(added) + 1), added, strict=True):
        similarity = float(unit(total - vector) @ vector)
        if similarity < level:
            text = (
                f"picture {number} is alike to the other examples by {similarity:.2f}; all but "
                f"{_DISAGREE:.0%} of pictures of one class reach {level:.2f}. Is it the same?"
            )
            found.append(Reason("examples_disagree", text))
    return tuple(found)
