"""Class-disjoint splits: what is learned from, what choices are made on, what is tested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, data_folder
from holotype.datasets.lazy import TurnedPictures, require_square
from holotype.errors import DataError
from holotype.stats.random_choice import choose, stream, words

VINYALS_FOLDER = "omniglot_vinyals_splits"
VINYALS_SIZES = {"train": 4112, "val": 688, "test": 1692}  # rotated classes

# The 30 background alphabets in three parts, so that no choice ever sees an evaluation alphabet:
# what trains, what selects, and what plays the strangers when a threshold is set.
COHORT = ("Armenian", "Bengali", "Futurama", "Malay_(Jawi_-_Arabic)")
SELECTION = (
    "Gujarati",
    "Hebrew",
    "Inuktitut_(Canadian_Aboriginal_Syllabics)",
    "Ojibwe_(Canadian_Aboriginal_Syllabics)",
    "Tifinagh",
)
TRAINING = (
    "Alphabet_of_the_Magi",
    "Anglo-Saxon_Futhorc",
    "Arcadian",
    "Asomtavruli_(Georgian)",
    "Balinese",
    "Blackfoot_(Canadian_Aboriginal_Syllabics)",
    "Braille",
    "Burmese_(Myanmar)",
    "Cyrillic",
    "Early_Aramaic",
    "Grantha",
    "Greek",
    "Japanese_(hiragana)",
    "Japanese_(katakana)",
    "Korean",
    "Latin",
    "Mkhedruli_(Georgian)",
    "N_Ko",
    "Sanskrit",
    "Syriac_(Estrangelo)",
    "Tagalog",
)
EVALUATION = (
    "Angelic",
    "Atemayar_Qelisayer",
    "Atlantean",
    "Aurek-Besh",
    "Avesta",
    "Ge_ez",
    "Glagolitic",
    "Gurmukhi",
    "Kannada",
    "Keble",
    "Malayalam",
    "Manipuri",
    "Mongolian",
    "Old_Church_Slavonic_(Cyrillic)",
    "Oriya",
    "Sylheti",
    "Syriac_(Serto)",
    "Tengwar",
    "Tibetan",
    "ULOG",
)
ALPHABETS: dict[str, tuple[str, ...]] = {
    # Lake et al. (2015): 30 alphabets to learn from, 20 to be tested on.
    "background": tuple(sorted(TRAINING + SELECTION + COHORT)),
    "evaluation": EVALUATION,
    # Lake et al. (2015), the two minimal background sets of five alphabets.
    "small1": ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"),
    "small2": ("Greek", "Japanese_(katakana)", "Latin", "Sanskrit", "Tagalog"),
    # For choices about the minimal sets, which must not see any other alphabet.
    "small1-training": ("Balinese", "Greek", "Korean"),
    "small1-selection": ("Early_Aramaic", "Latin"),
    "training": TRAINING,
    "selection": SELECTION,
    "cohort": COHORT,
}
SPLITS = (*ALPHABETS, *(f"vinyals-{part}" for part in VINYALS_SIZES))


def split(dataset: Dataset, name: str) -> Dataset:
    """One part of Omniglot.

    "background" and "evaluation" are Lake's 30 and 20 alphabets; "training", "selection" and
    "cohort" divide the background; "small1" and "small2" are the minimal background sets,
    "small1-training" and "small1-selection" divide the first of them.
    "vinyals-train", "vinyals-val" and "vinyals-test" are the split of Vinyals et al. (2016) in
    which each quarter turn of a character is a class of its own (see `rotated`); the training
    part of that one holds evaluation alphabets.

    Raises:
        DataError: no such split, the data set lacks its classes, or the lists of the Vinyals
            split are missing or damaged.
    """
    if name in ALPHABETS:
        return _alphabets(dataset, name)
    if name in SPLITS:
        part = name.removeprefix("vinyals-")
        classes, turns = vinyals_classes(dataset, data_folder() / VINYALS_FOLDER, part)
        return rotated(dataset, classes, turns)
    raise DataError(f"there is no split '{name}'", f"Choose one of {', '.join(SPLITS)}")


def rotated(
    dataset: Dataset,
    classes: Sequence[int] | NDArray[np.int64],
    quarter_turns: Sequence[int] | NDArray[np.int64],
) -> Dataset:
    """A data set in which class i is `classes[i]` turned by `quarter_turns[i]` * 90 degrees.

    Turns are counterclockwise, as `np.rot90`; pictures are turned when they are asked for
    (`result.images[:]` makes them all).

    Args:
        dataset: square pictures [M, ..., side, side], raw or prepared.
        classes: [C] class indices; one class may appear with several turns.
        quarter_turns: [C] in 0..3.

    Raises:
        DataError: the pictures are not square arrays, or a pair is out of range or named twice.
    """
    require_square(dataset.images, dataset.name)
    pairs = list(zip((int(c) for c in classes), (int(t) for t in quarter_turns), strict=True))
    if len(set(pairs)) < len(pairs) or any(turns not in range(4) for _, turns in pairs):
        raise DataError(
            "each rotated class needs a quarter turn in 0..3 and may be named once",
            "Pass distinct pairs of class and quarter turn",
        )
    # Rows are picked as `subset` picks them: a data set whose images are its own row numbers.
    rows = replace(dataset, images=np.arange(len(dataset)))
    distinct = sorted({index for index, _ in pairs})
    plain = rows.subset(distinct)
    members = np.split(
        np.asarray(plain.images), np.cumsum(np.bincount(plain.class_index, minlength=1))[:-1]
    )
    of_class = dict(zip(distinct, members, strict=True))
    picture = np.concatenate([of_class[index] for index, _ in pairs])
    sizes = [len(of_class[index]) for index, _ in pairs]
    return replace(
        dataset,
        images=TurnedPictures(
            dataset.images, picture, np.repeat([turns for _, turns in pairs], sizes)
        ),
        class_index=np.repeat(np.arange(len(pairs)), sizes),
        class_names=tuple(f"{dataset.class_names[i]}/rot{90 * t:03d}" for i, t in pairs),
        group=tuple(dataset.group[index] for index, _ in pairs),
        drawer=None if dataset.drawer is None else dataset.drawer[picture],
    )


def random_split(dataset: Dataset, shares: Mapping[str, float], seed: int) -> dict[str, Dataset]:
    """Divide the classes of any data set at random, for example a folder.

    Args:
        dataset: what to divide.
        shares: share of the classes for each part; they sum to at most 1. Sizes are rounded
            so that together they are the rounded sum.
        seed: 0..2**64 - 1.

    Returns:
        The parts by name; no class is in two of them.

    Raises:
        DataError: a share is not positive, they sum to more than 1, or a part would be empty.
    """
    if not shares or min(shares.values()) <= 0 or sum(shares.values()) > 1 + 1e-9:
        raise DataError(
            f"shares={dict(shares)} are not positive shares that sum to at most 1",
            'Pass shares such as {"training": 0.7, "test": 0.3}',
        )
    count = len(dataset.class_names)
    order = choose(words(stream(seed), 1, count), np.array([count]))[0]
    ends = [round(count * math.fsum(list(shares.values())[: i + 1])) for i in range(len(shares))]
    parts = {}
    for name, first, end in zip(shares, [0, *ends], ends, strict=False):
        if first == end:
            raise DataError(
                f"the part '{name}' of {shares[name]:.2f} of {count} classes would be empty",
                "Raise its share or add classes",
            )
        parts[name] = dataset.subset(np.sort(order[first:end]))
    return parts


def vinyals_classes(
    dataset: Dataset, folder: Path, part: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classes [C] and quarter turns [C] of one part of the Vinyals split.

    Args:
        dataset: Omniglot.
        folder: holds `train.txt`, `val.txt`, `test.txt` with lines `Alphabet/characterNN/rot090`.
        part: "train", "val" or "test".

    Raises:
        DataError: the list is missing or damaged, or the data set lacks a class of it.
    """
    path = folder / f"{part}.txt"
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the list of the Vinyals split, {path}, cannot be read",
            "Run `holotype data omniglot`, or set HOLOTYPE_DATA to the folder that holds it",
        ) from error
    if len(set(lines)) != VINYALS_SIZES[part]:
        raise DataError(
            f"{path} lists {len(set(lines))} classes instead of {VINYALS_SIZES[part]}",
            "Remove it and run `holotype data omniglot`",
        )
    index_of = {name: index for index, name in enumerate(dataset.class_names)}
    turn_of = {f"rot{90 * turns:03d}": turns for turns in range(4)}
    classes, turns = [], []
    for line in lines:
        name, _, rotation = line.rpartition("/")
        if name not in index_of or rotation not in turn_of:
            raise DataError(
                f"the Vinyals split names '{line}', which '{dataset.name}' does not have",
                "Use the complete data set 'omniglot'",
            )
        classes.append(index_of[name])
        turns.append(turn_of[rotation])
    return np.array(classes), np.array(turns)


def _alphabets(dataset: Dataset, name: str) -> Dataset:
    missing = [alphabet for alphabet in ALPHABETS[name] if alphabet not in dataset.group]
    if missing:
        raise DataError(
            f"split '{name}' needs the alphabet {missing[0]}; '{dataset.name}' does not have it",
            "Use the complete data set 'omniglot'",
        )
    wanted = set(ALPHABETS[name])
    return dataset.subset([i for i, group in enumerate(dataset.group) if group in wanted])
