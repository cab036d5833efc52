"""What the measurement means, in words that follow from its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holotype.demo.measure import Demo, Figures, Part

HEADINGS = (
    "drawings",
    "examples",
    "stated",
    "recognized",
    "missed",
    "taken for another",
    "strangers accepted",
)
_EACH = {1: "one drawing", 2: "two drawings", 5: "five drawings"}

# Why a stated rate may be exceeded, by part.
_WHY = {
    "characters": (
        "The rate is promised for strangers at large, and one alphabet is a small crowd that "
        "looks alike; a pack with more alphabets among its strangers comes closer."
    ),
    "digits": (
        "Why: the threshold is set by the strangers that come with the model pack, and those are "
        "characters drawn with Omniglot's pens. These digits come from other pens, another "
        "scanner and 8 x 8 pixels, and look more alike to the model than its strangers do. "
        "What helps: strangers from the same source among those that set the threshold "
        "(`holotype train` and `export` with your own data), and a measurement like this one "
        "before a rate is trusted on a new source."
    ),
}

_STRICT = (
    "Fewer came in than stated, at the price of those that were missed: the enrolled are much "
    "alike among themselves, so the threshold expects strangers of their own kind, such as other "
    "letters of their alphabet, and these strangers are not."
)


def table(demo: Demo) -> list[tuple[str, ...]]:
    """The rows under `HEADINGS`, in percent."""
    return [(part.plan.key, *cells(row)) for part in demo.parts for row in part.rows]


def cells(row: Figures) -> tuple[str, ...]:
    """One row without its first column."""
    shares: tuple[str, ...]
    if row.refused is None:
        shares = (
            share(row.recognized),
            share(row.missed),
            share(row.taken_for_another),
            share(row.strangers_accepted) + (" " if row.kept else "!"),
        )
    else:
        shares = ("", "", "", "refused ")
    return (str(row.k_shot), stated(row.rate), *shares)


def words(demo: Demo) -> list[str]:
    """The whole table in sentences, one paragraph each."""
    legend = (
        "Stated is the share of strangers that may be accepted; the threshold follows from it. "
        "An exclamation mark: accepted beyond the stated rate by more than chance."
    )
    return [legend, *(paragraph for part in demo.parts for paragraph in part_words(part))]


def part_words(part: Part) -> list[str]:
    """What one part shows, and whether the promise was kept."""
    measured = [row for row in part.rows if row.refused is None]
    paragraphs = []
    if measured:
        paragraphs.append(_recognition(part, measured))
        paragraphs.append(_promise(part, measured))
    paragraphs += [
        f"A stated {stated(row.rate)} with {each(row.k_shot)} of each was refused rather than "
        f"promised in vain: {row.refused}."
        for row in part.rows
        if row.refused is not None
    ]
    return paragraphs


def share(percent: float) -> str:
    """A measured share."""
    return f"{percent:.1f} %"


def stated(rate: float) -> str:
    """A stated rate."""
    return f"{100 * rate:g} %"


def each(k_shot: int) -> str:
    """A number of examples, spelled out."""
    return _EACH.get(k_shot, f"{k_shot} drawings")


def _recognition(part: Part, measured: Sequence[Figures]) -> str:
    strictest = min(row.rate for row in measured)
    rows = [row for row in measured if row.rate == strictest]
    first, last = rows[0], rows[-1]
    text = (
        f"{part.plan.key.capitalize()}: at a stated {stated(strictest)}, with {each(first.k_shot)} "
        f"of each, {share(first.recognized)} of the others were recognized, {share(first.missed)} "
        f"missed and {share(first.taken_for_another)} taken for another."
    )
    if last is not first:
        text += (
            f" With {each(last.k_shot)} of each: {share(last.recognized)} recognized, "
            f"{share(last.missed)} missed, {share(last.taken_for_another)} taken for another."
        )
    return text


def _promise(part: Part, measured: Sequence[Figures]) -> str:
    facts = " ".join(_accepted(rate, measured) for rate in sorted({r.rate for r in measured}))
    broken = [row for row in measured if not row.kept]
    if not broken:
        kept = f"{facts} Within chance the promise was kept in every row."
        # Under a third of what was stated: more was turned away than asked for.
        if all(3 * row.strangers_accepted < 100 * row.rate for row in measured):
            return f"{kept} {_STRICT}"
        return kept
    extent = f" in {len(broken)} of {len(measured)} rows" if len(broken) < len(measured) else ""
    return f"{facts} The promise failed{extent}. {_WHY[part.plan.key]}"


def _accepted(rate: float, measured: Sequence[Figures]) -> str:
    shares = _joined(
        f"{share(row.strangers_accepted)} with {each(row.k_shot)}"
        for row in measured
        if row.rate == rate
    )
    return f"Strangers accepted where {stated(rate)} were stated: {shares} of each."


def _joined(facts: Iterable[str]) -> str:
    *most, last = facts
    return f"{', '.join(most)} and {last}" if most else last
