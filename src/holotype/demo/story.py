"""What the measurement means, in words that follow from its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holotype.demo.measurement import Demo, Figures, Part
from holotype.rate_basis import meaning

HEADINGS = (
    "each",
    "stated",
    "recognized",
    "mistaken",
    "missed",
    "cannot tell",
    "strangers in",
)
_EACH = {1: "one drawing", 2: "two drawings", 5: "five drawings"}

# Of whom neither a guarantee nor an estimate speaks, by part.
_WHO = {
    "characters": "Here the strangers are other characters of the same alphabets.",
    "digits": "Here the strangers are digits, as the enrolled are.",
}
# Why a stated rate may be exceeded, by part.
_WHY = {
    "characters": (
        "These strangers look more like the enrolled than those do that set the threshold: two "
        "alphabets are a small crowd."
    ),
    "digits": (
        "Why: few are enrolled, and the strangers that come with the model pack are characters "
        "drawn with Omniglot's pens. These digits come from other pens, another scanner and "
        "8 x 8 pixels, and look more alike to the model than its strangers do. "
        "What helps: strangers from the same source among those that set the threshold "
        "(`holotype calibrate`), and a measurement like this one before a rate is relied on with "
        "a new source."
    ),
}

_STRICT = (
    "Fewer came in than stated, at the price of those that were missed: the enrolled are much "
    "alike among themselves, so the threshold expects strangers of their own kind, such as other "
    "letters of their alphabet, and these strangers are not."
)


STATED = "Stated is the share of strangers for which the threshold is set."


def tables(demo: Demo) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The title of each part and its rows under `HEADINGS`, in percent; measured ones alone."""
    return [
        (
            part.plan.title,
            [
                (*_cells(row)[:-1], share(row.strangers_accepted) + (" " if row.kept else "!"))
                for row in part.rows
                if row.refused is None
            ],
        )
        for part in demo.parts
    ]


def cells(row: Figures) -> tuple[str, ...]:
    """One measured row of the page: the outcomes of the enrolled, then those of strangers."""
    turned_away = 100 - row.strangers_accepted - row.strangers_cannot_tell
    return (*_cells(row), share(abs(turned_away)), share(row.strangers_cannot_tell))


def _cells(row: Figures) -> tuple[str, ...]:
    return (
        str(row.k_shot),
        stated(row.rate),
        share(row.recognized),
        share(row.taken_for_another),
        share(row.missed),
        share(row.cannot_tell),
        share(row.strangers_accepted),
    )


def words(demo: Demo) -> list[str]:
    """The whole table in sentences, one paragraph each."""
    legend = (
        "Of the enrolled, with so many drawings of each: recognized, mistaken for another, missed "
        '(answered "unknown"), or answered "cannot tell". Strangers in: accepted as somebody.'
    )
    mark = "An exclamation mark: accepted beyond the stated rate by more than chance."
    return [
        legend,
        f"{STATED} {mark}",
        *(paragraph for part in demo.parts for paragraph in part_words(part)),
    ]


def part_words(part: Part) -> list[str]:
    """What one part shows, and whether the stated rates were kept."""
    measured = [row for row in part.rows if row.refused is None]
    paragraphs = []
    if measured:
        paragraphs.append(_recognition(part, measured))
        paragraphs.append(_strangers(part, measured))
        paragraphs += _resting(part, measured)
    paragraphs += [
        f"A stated {stated(row.rate)} with {each(row.k_shot)} of each was not measured: it is "
        f"{row.refused}."
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
        f"of each, {share(first.recognized)} of the others were recognized, {_rest(first)}."
    )
    if last is not first:
        text += (
            f" With {each(last.k_shot)} of each: {share(last.recognized)} recognized, "
            f"{_rest(last)}."
        )
    return text


def _rest(row: Figures) -> str:
    """What became of the enrolled who were not recognized."""
    text = f"{share(row.missed)} missed, {share(row.taken_for_another)} taken for another"
    return text + (f", {share(row.cannot_tell)} cannot tell" if row.cannot_tell else "")


def _strangers(part: Part, measured: Sequence[Figures]) -> str:
    facts = " ".join(_accepted(rate, measured) for rate in sorted({r.rate for r in measured}))
    least, most = (
        share(pick(row.strangers_cannot_tell for row in measured)) for pick in (min, max)
    )
    if any(row.strangers_cannot_tell for row in measured):
        span = most if least == most else f"{least} to {most}"
        facts += f" {span} of the strangers were answered with cannot tell."
    exceeded = [row for row in measured if not row.kept]
    if not exceeded:
        kept = f"{facts} Within chance no row exceeds what was stated."
        # Under a third of what was stated: more was turned away than asked for.
        if all(3 * row.strangers_accepted < 100 * row.rate for row in measured):
            return f"{kept} {_STRICT}"
        return kept
    extent = f"in {len(exceeded)} of {len(measured)} rows"
    return f"{facts} The stated rate was exceeded {extent}. {_WHY[part.plan.key]}"


def _resting(part: Part, measured: Sequence[Figures]) -> list[str]:
    """What the stated rates rest on, and what these strangers have to do with that."""
    facts = []
    for rate in sorted({row.rate for row in measured}, reverse=True):
        of_rate = [row for row in measured if row.rate == rate and row.rests_on]
        texts: dict[str, list[str]] = {}
        for row in of_rate:
            texts.setdefault(row.rests_on, []).append(each(row.k_shot))
        if len(texts) == 1:
            facts.append(f"{stated(rate)} is {of_rate[0].rests_on}.")
        elif texts:
            said = "; ".join(
                f"{text} with {_joined(shots)} of each" for text, shots in texts.items()
            )
            facts.append(f"{stated(rate)} is {said}.")
    means = meaning({known for row in measured for known in row.known})
    return [f"A stated {' '.join(facts)} {means} {_WHO[part.plan.key]}"] if facts else []


def _accepted(rate: float, measured: Sequence[Figures]) -> str:
    shares = _joined(
        f"{share(row.strangers_accepted)} with {each(row.k_shot)}"
        for row in measured
        if row.rate == rate
    )
    return f"Strangers accepted at a stated {stated(rate)}: {shares} of each."


def _joined(facts: Iterable[str]) -> str:
    *most, last = facts
    return f"{', '.join(most)} and {last}" if most else last
