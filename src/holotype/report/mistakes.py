"""The pictures of the report: the worst mistakes, and the classes that are missed most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from holotype.evaluation.open_set_report import Mistake, MistakeKind
from holotype.image import prepare
from holotype.report.phrases import percent, short
from holotype.report.proof import Proof, Subject

_MOST_MISTAKES = 8  # shown of each kind
_MOST_WEAK = 12  # classes shown among those that are missed most
_KINDS: tuple[tuple[MistakeKind, str, str], ...] = (
    (
        "stranger_accepted",
        "Strangers let in",
        Markup("Nobody of this kind was enrolled; the right answer was <em>unknown</em>."),
    ),
    (
        "taken_for_another",
        "Taken for another",
        "Enrolled, but answered with somebody else.",
    ),
    (
        "missed",
        "Missed",
        Markup("Enrolled, but too unlike its own example: the answer was <em>unknown</em>."),
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of the data set, and what is said of it."""

    pixels: NDArray[np.uint8]  # [H, W, 3]
    alt: str
    role: str
    name: str  # short enough to stand under it


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A probe, its own reference where it has one, and whom it was taken for."""

    style: str
    pictures: list[Picture]
    similarity: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Weak:
    """The classes that are missed more often than the others: who needs another picture."""

    classes: int
    among: int
    usual: str  # how often the others are missed
    shown: list[Picture]


def worst(proof: Proof, subject: Subject) -> list[tuple[str, str, list[Card]]]:
    """The worst mistakes of each kind that there were: its title, its meaning, and the cards."""
    (_, row), *_ = subject.rows
    groups = []
    for kind, title, meaning in _KINDS:
        shown = [mistake for mistake in row.mistakes if mistake.kind == kind][:_MOST_MISTAKES]
        if shown:
            groups.append((title, meaning, [_card(proof, mistake) for mistake in shown]))
    return groups


def weakest(proof: Proof, subject: Subject) -> Weak | None:
    """Who is missed more than twice as often as the average; None where nobody is."""
    (_, row), *_ = subject.rows
    assert row.fnir is not None
    missed, trials = row.tally.missed, row.tally.enrolled_probes
    share = missed / np.maximum(trials, 1)
    usual = row.fnir.value
    order = np.argsort(-share, kind="stable")
    weak = [int(i) for i in order if trials[i] and share[i] > max(2 * usual, usual + 0.1)]
    if not weak:
        return None
    index, names = proof.dataset.class_index, proof.dataset.class_names
    shown = [
        Picture(
            _pixels(proof, int(np.flatnonzero(index == i)[0])),
            names[i],
            f"{percent(1 - float(share[i]))} recognized",
            short(names[i]),
        )
        for i in weak[:_MOST_WEAK]
    ]
    return Weak(len(weak), int((trials > 0).sum()), percent(usual), shown)


def _card(proof: Proof, mistake: Mistake) -> Card:
    names = proof.dataset.class_names
    true, nearest = names[mistake.true_class], names[mistake.nearest_class]
    pictures = [_picture(proof, mistake.probe, "the picture", true, nearest)]
    if mistake.own_reference is not None:
        own = f"its own, {mistake.own_similarity:.2f}"
        pictures.append(_picture(proof, mistake.own_reference, own, true, nearest))
    if mistake.nearest_class != mistake.true_class:
        # For someone missed, the nearest was not an answer but only came closest.
        was = "nearest" if mistake.kind == "missed" else "taken for"
        was = f"{was}, {mistake.similarity:.2f}"
        pictures.append(_picture(proof, mistake.nearest_reference, was, nearest, true))
    shown = mistake.similarity
    if mistake.kind == "missed" and mistake.own_similarity is not None:
        shown = mistake.own_similarity
    style = "missed" if mistake.kind == "missed" else "wrong"
    return Card(style, pictures, shown, mistake.threshold)


def _picture(proof: Proof, row: int, role: str, name: str, beside: str) -> Picture:
    return Picture(_pixels(proof, row), f"{role}: {name}", role, short(name, beside))


def _pixels(proof: Proof, row: int) -> NDArray[np.uint8]:
    """One picture of the data set as it is."""
    pixels = prepare.read(proof.dataset.images[row]).transpose(1, 2, 0)
    return np.round(255 * pixels).astype(np.uint8)
