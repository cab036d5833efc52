"""Galleries for an open-set test: which classes are enrolled, and with which pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError
from holotype.stats.random_choice import choose, stream, words


@dataclass(frozen=True, slots=True, eq=False)
class Galleries:
    """G galleries of N identities. A class that a gallery has not enrolled is a stranger to it."""

    enrolled: NDArray[np.int64]  # [G, N] class indices, distinct within a gallery
    support: NDArray[np.int64]  # [G, N, K] rows of the enrolled examples
    reserved: NDArray[np.int64]  # [G, N, R] rows that may not be probes; the first K are enrolled

    def __len__(self) -> int:
        """Number of galleries."""
        return len(self.enrolled)


def draw_galleries(
    class_index: NDArray[np.int64],
    *,
    enrolled: int | None = None,
    k_shot: int = 1,
    reserved: int | None = None,
    galleries: int = 200,
    seed: int = 0,
) -> Galleries:
    """Draw galleries: classes without replacement, then examples of each.

    A class needs one picture more than is reserved to be enrolled; any other may only be a
    stranger. The first galleries of a longer draw are those of a shorter one, and draws that
    differ in nothing but `k_shot` enroll the same classes and leave the same probes.

    Args:
        class_index: int64 [M] in 0..C-1, the class of each picture.
        enrolled: identities in each gallery. None: half of the classes, at least 2.
        k_shot: examples enrolled of each.
        reserved: pictures of each enrolled class that are kept from the probes, at least
            `k_shot`. None: `k_shot`.
        galleries: how many.
        seed: 0..2**64 - 1.

    Raises:
        DataError: a number is too small, or there are too few classes or pictures for it.
    """
    kept = k_shot if reserved is None else reserved
    for name, value, least in (
        ("k_shot", k_shot, 1),
        ("galleries", galleries, 1),
        ("reserved", kept, k_shot),
        ("enrolled", 1 if enrolled is None else enrolled, 1),
    ):
        if value < least:
            raise DataError(
                f"{name}={value} is below {least}", f"Choose {name} of at least {least}"
            )
    size = np.bincount(class_index)
    able = np.flatnonzero(size > kept)
    count = _how_many(enrolled, kept, int((size > 0).sum()), len(able))

    order = np.argsort(class_index, kind="stable")
    start = np.cumsum(size) - size
    generator = stream(seed)
    classes = np.empty((galleries, count), np.int64)
    rows = np.empty((galleries, count, kept), np.int64)
    for gallery in range(galleries):
        word = words(generator, 1, count * (1 + kept))[0]
        classes[gallery] = able[choose(word[None, :count], np.array([len(able)]))[0]]
        of_each = choose(word[count:].reshape(count, kept), size[classes[gallery]])
        rows[gallery] = order[start[classes[gallery]][:, None] + of_each]
    return Galleries(classes, rows[:, :, :k_shot], rows)


def usual_shots(class_index: NDArray[Any]) -> tuple[int, ...]:
    """The numbers of examples that these pictures allow to be compared.

    A number is left out where it would cost more than a quarter of the classes that have two
    pictures, since a class needs one picture more than are enrolled of it.

    Args:
        class_index: [M] in 0..C-1.

    Returns:
        A beginning of 1, 2, 5.
    """
    size = np.bincount(class_index)
    able = int((size > 1).sum())
    return tuple(k for k in (1, 2, 5) if k == 1 or (size > k).sum() >= max(2, 0.75 * able))


def _how_many(enrolled: int | None, reserved: int, classes: int, able: int) -> int:
    """How many classes to enroll, after checking that so many can be."""
    if classes < 2 or (enrolled is None and classes < 3):
        raise DataError(
            f"an open-set test needs at least 3 classes, 2 to enroll and 1 stranger; "
            f"there {'is' if classes == 1 else 'are'} {classes}",
            "Add pictures of other classes, each in its own folder",
        )
    count = min(able, max(2, classes // 2)) if enrolled is None else enrolled
    least = 2 if enrolled is None else enrolled
    if able < least:
        raise DataError(
            f"{least} enrolled classes need at least {reserved + 1} pictures each "
            f"({reserved} to enroll and 1 probe); {able} of {classes} classes have them",
            "Add pictures, or enroll fewer classes or fewer examples of each",
        )
    if count >= classes:
        raise DataError(
            f"enrolled={count} leaves no stranger among {classes} classes",
            f"Enroll at most {classes - 1}, or add classes",
        )
    return count
