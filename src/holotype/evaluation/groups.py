"""Rates of an open-set test for each group of classes, such as ages, pens or kinds of skin."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError
from holotype.evaluation.open_set_report import Identification
from holotype.stats.bootstrap import Share, share

# Of fewer classes nothing is told: an interval of so few is a guess, and they might be recognized.
LEAST_CLASSES = 15
_HEAD = ["label", "group"]
_NAMED = 3


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One group at one stated rate. The shares are None where it is too thin, or was not asked."""

    group: str
    classes: int
    rate: float  # the stated FPIR
    fpir: Share | None  # strangers of this group who were accepted
    fnir: Share | None  # probes of the enrolled of this group that were missed

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "group": self.group,
            "classes": self.classes,
            "stated_fpir": self.rate,
            "fpir": None if self.fpir is None else self.fpir.to_json(),
            "fnir": None if self.fnir is None else self.fnir.to_json(),
        }


def read_groups(path: Path, class_names: Sequence[str]) -> tuple[str, ...]:
    """The group of each class.

    Args:
        path: a CSV file whose first line is `label,group`.
        class_names: C, the labels of the data; the file may name others as well.

    Returns:
        C names of groups.

    Raises:
        DataError: the file cannot be read, names a label twice, leaves out one of the data, or
            every group has fewer than 15 classes.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"'{path}' cannot be read ({error})", "Save it as CSV, UTF-8") from error
    if not rows or rows[0] != _HEAD or any(len(row) != 2 or not row[1].strip() for row in rows):
        raise DataError(
            f"'{path}' is no table of label and group",
            "Let its first line be `label,group`, and give both in each other line",
        )
    group: dict[str, str] = {}
    for label, name in rows[1:]:
        if label in group:
            raise DataError(f"'{path}' names '{label}' twice", "Leave one of the lines out")
        group[label] = name.strip()
    missing = [name for name in class_names if name not in group]
    if missing:
        named = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        raise DataError(
            f"'{path}' leaves out {len(missing)} of {len(class_names)} labels ({named})",
            "Give the group of each, such as `unknown`",
        )
    found = tuple(group[name] for name in class_names)
    largest = max(found.count(name) for name in set(found))
    if largest < LEAST_CLASSES:
        raise DataError(
            f"every group of '{path}' is too thin: the largest has {largest} classes",
            f"Give pictures of at least {LEAST_CLASSES} of a group, or join groups",
        )
    return found


def by_group(row: Identification, groups: Sequence[str]) -> tuple[GroupRates, ...]:
    """What one stated rate came to in each group, in the order of their names.

    Args:
        row: of all C classes together.
        groups: C, the group of each.
    """
    names, of_class = np.unique(np.array(groups, dtype=object), return_inverse=True)
    tally = row.tally

    def told(counts: NDArray[np.int64], trials: NDArray[np.int64], one: int) -> Share | None:
        mine = of_class[: len(trials)] == one
        asked = np.count_nonzero(trials[mine])
        return share(counts[mine], trials[mine]) if asked >= LEAST_CLASSES else None

    return tuple(
        GroupRates(
            str(name),
            int((of_class == at).sum()),
            row.rate,
            told(tally.accepted, tally.stranger_probes, at),
            told(tally.missed, tally.enrolled_probes, at),
        )
        for at, name in enumerate(names)
    )
