"""What the demo enrolls and whom it asks: characters of two alphabets, and digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset

MOST_EXAMPLES = 5
STRANGER = -1

_CHARACTER_TRIALS = 8
_DIGIT_TRIALS = 12
_ENROLLED_DIGITS = 7
# How many take part: more would only cost time.
_DRAWERS = 9
_DIGITS_OF_EACH = 18
_SEED = 2015


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One gallery and the drawings that it is asked about. N identities, P probes."""

    labels: tuple[str, ...]  # [N]
    examples: NDArray[np.uint8]  # [N, MOST_EXAMPLES, H, W]
    probes: NDArray[np.uint8]  # [P, H, W]
    probe_names: tuple[str, ...]  # [P] what each one really is
    truth: NDArray[np.int64]  # [P] the identity 0..N-1, or STRANGER
    kind: NDArray[np.int64]  # [P] the class of each probe in its data set


@dataclass(frozen=True, slots=True)
class Plan:
    """One part of the demo."""

    key: str
    title: str
    credit: str
    trials: tuple[Trial, ...]


def plans() -> Iterator[Plan]:
    """The two parts of the demo; the same drawings in every run."""
    yield _characters(load_dataset("sample"))
    yield _digits(load_dataset("digits"))


def _characters(sample: Dataset) -> Plan:
    """Five people lend their sheets; everybody else draws the probes.

    In each trial other characters are enrolled: half of those of both alphabets, so that strangers
    are like the enrolled, as a stated rate supposes.
    """
    assert sample.drawer is not None
    alphabets = list(dict.fromkeys(sample.group))
    names = [_spoken(name) for name in sample.class_names]
    rng = np.random.default_rng(_SEED)
    drawers = rng.permutation(np.unique(sample.drawer))[:_DRAWERS]
    trials = []
    for _ in range(_CHARACTER_TRIALS):
        lenders = rng.permutation(drawers)[:MOST_EXAMPLES]
        known = np.sort(rng.permutation(len(names))[: len(names) // 2]).tolist()
        examples = [
            [np.flatnonzero((sample.class_index == c) & (sample.drawer == d))[0] for d in lenders]
            for c in known
        ]
        probes = np.flatnonzero(np.isin(sample.drawer, np.setdiff1d(drawers, lenders)))
        trials.append(_trial(sample, names, known, np.array(examples), probes))
    return Plan(
        key="characters",
        title=f"Characters of {alphabets[0]} and {alphabets[1]}: half enrolled, half strangers",
        credit="Drawings: Omniglot, evaluation set (MIT, Brenden Lake)",
        trials=tuple(trials),
    )


def _digits(digits: Dataset) -> Plan:
    """In each trial other digits are enrolled, from other examples."""
    rng = np.random.default_rng(_SEED)
    pool = [
        rng.permutation(np.flatnonzero(digits.class_index == c))[:_DIGITS_OF_EACH]
        for c in range(len(digits.class_names))
    ]
    trials = []
    for _ in range(_DIGIT_TRIALS):
        known = [int(c) for c in np.sort(rng.permutation(len(pool))[:_ENROLLED_DIGITS])]
        shuffled = [rng.permutation(rows) for rows in pool]
        examples = np.stack([shuffled[c][:MOST_EXAMPLES] for c in known])
        probes = np.concatenate([rows[MOST_EXAMPLES:] for rows in shuffled])
        trials.append(_trial(digits, list(digits.class_names), known, examples, probes))
    return Plan(
        key="digits",
        title=f"Digits: {_ENROLLED_DIGITS} enrolled, the other "
        f"{len(pool) - _ENROLLED_DIGITS} as strangers",
        credit="Drawings: UCI Optical Recognition of Handwritten Digits (CC BY 4.0, E. Alpaydin, "
        "C. Kaynak), as in scikit-learn",
        trials=tuple(trials),
    )


def _trial(
    dataset: Dataset,
    names: list[str],
    known: list[int],
    examples: NDArray[np.int64],
    probes: NDArray[np.int64],
) -> Trial:
    kind = dataset.class_index[probes]
    position = {c: i for i, c in enumerate(known)}
    return Trial(
        labels=tuple(names[c] for c in known),
        examples=np.asarray(dataset.images[examples]),
        probes=np.asarray(dataset.images[probes]),
        probe_names=tuple(names[c] for c in kind),
        truth=np.array([position.get(int(c), STRANGER) for c in kind]),
        kind=kind,
    )


def _spoken(class_name: str) -> str:
    """ "Angelic/character07" -> "Angelic 7"."""
    alphabet, _, character = class_name.partition("/")
    return f"{alphabet} {int(character.removeprefix('character'))}"
