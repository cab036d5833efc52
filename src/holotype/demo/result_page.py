"""The page: one self-contained file with the drawings, the answers and the mistakes."""

from __future__ import annotations

from pathlib import Path

from holotype.demo.histogram import histogram
from holotype.demo.measurement import Demo, Figures, Part
from holotype.demo.outcomes import Outcome
from holotype.demo.showcase import Shown, Verdict, showcase
from holotype.demo.story import STATED, cells, each, part_words, share, stated
from holotype.pages import page, write

_HEADLINE = "One drawing each."
# Mistakes shown of each kind; how many there were stands above them.
_MOST_MISTAKES = 10
_INTRODUCTION = {
    "characters": (
        "None of these characters, nor any other of their two alphabets, was among those that the "
        "model learned from. The {known} below come from the pen of one person; everybody else's "
        "drawings are the probes, and the other {strangers} characters of the same alphabets play "
        "the strangers."
    ),
    "digits": (
        "A source that the model has nothing to do with: digits of 8 x 8 pixels, "
        "from other pens and another scanner. {known} of the ten are enrolled, the other "
        "{strangers} are strangers. As one choice of digits says little, {galleries} galleries "
        "were made, each of other digits and other examples; the first of them is shown."
    ),
}
_BADGES: dict[Outcome, tuple[str, str]] = {  # what it says, CSS class
    "recognized": ("recognized", "recognized"),
    "taken for another": ("mistaken", "wrong"),
    "missed": ("missed", "missed"),
    "cannot tell": ("cannot tell", "unclear"),
    "turned away": ("unknown", "unknown"),
    "accepted": ("accepted", "wrong"),
    "stranger, cannot tell": ("cannot tell", "unclear"),
}
_TRY = """holotype enroll desk.gallery "Ada" ada.png
holotype identify desk.gallery probe.png --fpir 0.01"""


def write_page(demo: Demo, path: Path) -> Path:
    """Write the page, whole or not at all.

    Args:
        demo: what was measured.
        path: where to; a file that is there is replaced.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written.
    """
    write(path, render(demo))
    return path


def render(demo: Demo) -> str:
    """The page as HTML that asks nothing of any other address."""
    parts = [(part, showcase(part)) for part in demo.parts]
    first, shown = parts[0]
    row = _row(first, shown)
    return page(
        "demo/result.html",
        demo=demo,
        parts=parts,
        headline=_HEADLINE,
        headline_row=row,
        other_rates="" if row is None else _other_rates(row, first),
        try_it=_TRY,
        badges=_BADGES,
        introduction=_introduction,
        mistakes=_mistakes,
        share=share,
        stated=stated,
        cells=cells,
        histogram=histogram,
        part_words=part_words,
        stated_means=STATED,
    )


def _introduction(part: Part, shown: Shown) -> str:
    return _INTRODUCTION[part.plan.key].format(
        known=len(shown.trial.labels),
        strangers=shown.stranger_kinds,
        galleries=len(part.plan.trials),
    )


def _mistakes(shown: Shown) -> list[tuple[str, int, str, list[Verdict]]]:
    """What went wrong: its name, how often, of how many, and what is shown of it."""
    known = f"{shown.known_probes} probes of enrolled"
    strangers = f"{shown.stranger_probes} strangers"
    groups: tuple[tuple[str, Outcome, str], ...] = (
        ("Taken for another", "taken for another", known),
        ("Strangers accepted", "accepted", strangers),
        ("Missed", "missed", known),
        ("Enrolled, cannot tell", "cannot tell", known),
        ("Strangers, cannot tell", "stranger, cannot tell", strangers),
    )
    found = [(title, shown.of(outcome), among) for title, outcome, among in groups]
    return [(title, len(all_), among, [*all_[:_MOST_MISTAKES]]) for title, all_, among in found]


def _other_rates(shown: Figures, part: Part) -> str:
    """What more drawings bring, and what a stricter rate costs."""
    measured = [row for row in part.rows if row.refused is None]
    more = [row for row in measured if row.rate == shown.rate and row.k_shot > shown.k_shot]
    brings = [f"{share(row.recognized)} from {each(row.k_shot)}" for row in more]
    text = [f"More drawings of each bring more: {' and '.join(brings)}."] if brings else []
    for rate in sorted({row.rate for row in measured if row.rate < shown.rate}, reverse=True):
        costs = [
            f"{share(row.recognized)} from {each(row.k_shot)}"
            for row in measured
            if row.rate == rate
        ]
        let_in = next(row.strangers_accepted for row in measured if row.rate == rate)
        text.append(
            f"Strictness costs: at a stated {stated(rate)} of strangers, {share(let_in)} were "
            f"accepted; recognized were {', '.join(costs)}."
        )
    return " ".join(text)


def _row(part: Part, shown: Shown) -> Figures | None:
    """The row that belongs to the gallery shown."""
    for row in part.rows:
        if row.k_shot == 1 and row.rate == shown.rate and row.refused is None:
            return row
    return None
