"""Where a comparison takes place: the pictures, and which classes are learned from or tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holotype.comparison.storage import write
from holotype.datasets.catalogue import Dataset, comes_divided, load_dataset
from holotype.datasets.folders import read_folder
from holotype.datasets.inspection import Inspection, inspect
from holotype.datasets.parts import Part, part_text
from holotype.datasets.splits import random_split, split
from holotype.errors import DataError
from holotype.records import OnProgress

BACKGROUND, TEST = "background.json", "test.json"
_TEST_SHARE = 1 / 3
# To learn from: what trains, what validates and what plays strangers are class-disjoint as well.
_LEAST_BACKGROUND = 7


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """The data of a comparison."""

    background: str  # what `train` learns from, as `load_dataset` takes it
    test: Dataset  # holds the classes that episodes are drawn from
    tested: frozenset[str]  # their names, quarter turns taken off
    division: dict[str, Any] | None  # the split that was made; None: the data set has its own
    unfit: dict[str, str]  # pictures that were left out -> why
    remarks: tuple[str, ...]
    identity: dict[str, Any]  # what must not change while a comparison goes on


def prepare(
    data: str,
    protocol: str,
    out: Path,
    *,
    n_ways: Sequence[int],
    trains: bool,
    seed: int,
    strict: bool,
    told: OnProgress,
) -> Division:
    """Look at the data, and divide its classes where it has no division of its own.

    Omniglot comes divided. For any other data set, and only if something is trained, a third of
    the classes, or as many as the widest episode needs, are drawn at random to be tested on; the
    others are learned from. Both parts are written to `out` as files that name their classes.

    Args:
        data: what `load_dataset` takes.
        protocol: one of `evaluation.protocols.PROTOCOLS`.
        out: the folder of the comparison.
        n_ways: classes per episode.
        trains: whether anything is learned from the data.
        seed: of the division.
        strict: refuse a folder with unfit pictures instead of leaving them out.
        told: called while pictures are opened.

    Raises:
        DataError: the data cannot be read, hold too few classes, or, with `strict`, hold unfit
            pictures or class names that differ by case alone.
    """
    if comes_divided(data):
        whole = load_dataset(data)
        part = split(whole, "vinyals-test" if protocol == "vinyals" else "evaluation")
        tested = frozenset(plain(name) for name in part.class_names)
        return Division(data, whole, tested, None, {}, (), {"data": whole.name})
    inspection = _inspected(data, strict, told)
    whole = _whole(data, inspection)
    named = data if not Path(data).exists() else str(Path(data).resolve())
    parts = _divided(whole, max(n_ways), seed) if trains else {"test": whole}
    files = {"background": BACKGROUND, "test": TEST}
    for name, dataset in parts.items():
        left_out = [
            picture for picture in inspection.unfit if _class(picture) in dataset.class_names
        ]
        write(out / files[name], part_text(Part(named, dataset.class_names, tuple(left_out))))
    test = parts["test"]
    return Division(
        background=str(out / BACKGROUND),
        test=test,
        tested=frozenset(test.class_names),
        division={name: list(dataset.class_names) for name, dataset in parts.items()}
        if trains
        else None,
        unfit=inspection.unfit,
        remarks=tuple(
            f"the classes '{a}' and '{b}' differ by case alone" for a, b in inspection.alike
        ),
        identity={
            "data": named,
            "contents": inspection.fingerprint,
            "classes tested on": list(test.class_names),
        },
    )


def plain(class_name: str) -> str:
    """The name of a class, however it is turned: "Greek/character01/rot090" is the character."""
    name, _, turn = class_name.rpartition("/rot")
    return name if name and turn.isdigit() else class_name


def _inspected(data: str, strict: bool, told: OnProgress) -> Inspection:
    path = Path(data)
    if not path.is_dir():  # a data set by name, or a part that somebody made
        return Inspection({}, (), "")
    inspection = inspect(
        read_folder(path), lambda done, total: told("looking at the pictures", done, total)
    )
    if strict and inspection.alike:
        first, second = inspection.alike[0]
        raise DataError(
            f"the classes '{first}' and '{second}' differ by case alone",
            "Rename one, or leave out --strict",
        )
    if strict and inspection.unfit:
        picture, why = next(iter(inspection.unfit.items()))
        raise DataError(
            f"{len(inspection.unfit)} pictures of '{data}' are unfit, the first of them "
            f"{picture}: {why}",
            "Mend or remove them, or leave out --strict to go on without them",
        )
    return inspection


def _whole(data: str, inspection: Inspection) -> Dataset:
    dataset = load_dataset(data)
    if inspection.unfit:
        dataset = dataset.without(inspection.unfit)
    if len(dataset.class_names) < 2:
        raise DataError(
            f"'{data}' has {len(dataset.class_names)} class with fit pictures; "
            "to tell classes apart takes 2",
            "Add a folder for each further class",
        )
    return dataset


def _divided(dataset: Dataset, widest: int, seed: int) -> dict[str, Dataset]:
    count = len(dataset.class_names)
    test = max(round(_TEST_SHARE * count), widest)
    if count - test < _LEAST_BACKGROUND:
        raise DataError(
            f"'{dataset.name}' has {count} classes; {widest}-way episodes take {test} that are not "
            f"learned from, and learning takes {_LEAST_BACKGROUND} others",
            "Add classes, lower n_way, or compare model packs, which learn nothing here",
        )
    return random_split(dataset, {"background": 1 - test / count, "test": test / count}, seed)


def _class(picture: str) -> str:
    return picture.rpartition("/")[0]
