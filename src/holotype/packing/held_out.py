"""The folder of pictures beside a model: what of it is looked at, and what a pack keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from holotype.datasets.dataset import Dataset
from holotype.datasets.splits import random_split
from holotype.domains.registry import domain_of
from holotype.errors import DataError, PackError
from holotype.pack import Pack
from holotype.stats.scoring import Floats, group_prototypes


def require_pictures(pack: Pack) -> None:
    """Refuse a pack that sees no folder of pictures.

    Raises:
        PackError: it takes something else.
    """
    constants = pack.card.preprocessing
    takes = "tensor" if constants.inputs is not None else domain_of(constants).takes
    if takes != "picture":
        raise PackError(
            f"the pack {pack.card.name!r} takes {takes}s, and a folder of pictures shows none",
            "Name a pack that takes pictures",
        )


def divided(
    dataset: Dataset,
    shares: Mapping[str, float],
    seed: int,
    least: int,
    *,
    classes_for: str,
    two_for: str,
    which: str = "",
) -> dict[str, Dataset]:
    """The classes of a data set, divided at random.

    Args:
        dataset: of somebody.
        shares: by the name of each part.
        seed: of the division.
        least: as for `require_classes`, and so the others.
        classes_for: likewise.
        two_for: likewise.
        which: likewise.

    Raises:
        DataError: it has too few classes, or a class one picture.
    """
    require_classes(dataset, least, classes_for=classes_for, two_for=two_for, which=which)
    return random_split(dataset, shares, seed)


def require_classes(
    dataset: Dataset, least: int, *, classes_for: str, two_for: str, which: str = ""
) -> None:
    """Refuse a data set that is too small.

    Args:
        dataset: of somebody.
        least: as many classes it must have.
        classes_for: what many classes are needed for, as a clause.
        two_for: what two pictures of each are needed for, as a clause.
        which: what else is said of the classes to add.

    Raises:
        DataError: it has too few classes, or a class one picture.
    """
    classes = len(dataset.class_names)
    if classes < least:
        raise DataError(
            f"'{dataset.name}' has {classes} classes; {least} are needed, {classes_for}",
            f"Add classes, each in its own folder{which}",
        )
    counts = np.bincount(dataset.class_index)
    if counts.min() < 2:
        lonely = dataset.class_names[int(counts.argmin())]
        raise DataError(
            f"the class '{lonely}' of '{dataset.name}' has one picture; {two_for}",
            "Add a picture of it, or remove the class",
        )


def references(
    dataset: Dataset, parts: Mapping[str, Dataset], vectors: Mapping[str, Floats]
) -> dict[str, Any]:
    """What `write_pack` takes of the cohort and of the background, which trained nothing.

    Args:
        dataset: the whole.
        parts: `background` and `cohort` of it.
        vectors: float32 unit [M, D] of the pictures of both.
    """
    learned, cohort = parts["background"], parts["cohort"]
    prototypes = group_prototypes(
        vectors["background"], learned.class_index, len(learned.class_names)
    )

    def facts(part: Dataset, **more: bool) -> dict[str, Any]:
        return {"data": dataset.name, "class_names": list(part.class_names), **more}

    return {
        "embeddings": vectors["cohort"].astype(np.float16),
        "class_index": cohort.class_index,
        "prototypes": prototypes.astype(np.float16),
        "cohort": facts(cohort, held_back=False),
        "background": facts(learned, trained=False),
    }
