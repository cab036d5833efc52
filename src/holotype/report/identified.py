"""The page of `identify --report`: one card for each answer, with the reader's own pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from holotype.pages import document, meter, prose, tile
from holotype.records import Answer, Decision
from holotype.report.phrases import percent, short, stated

Pixels = NDArray[np.uint8]  # [H, W] grey or [H, W, 3] RGB

_BADGES: dict[Answer, tuple[str, str]] = {  # what it says, CSS class
    "match": ("match", "recognized"),
    "unknown": ("unknown", "missed"),
    "cannot_tell": ("cannot tell", "unclear"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """One answer with its picture."""

    name: str  # of the picture, such as its path
    decision: Decision
    pixels: Pixels | None  # None: it cannot be read


def identified_page(
    answers: Sequence[Identified],
    gallery: str,
    *,
    kept: Callable[[str], Pixels | None],
    strangers: str = "",
) -> str:
    """The answers as one page of HTML that asks nothing of any other address.

    Args:
        answers: in the order of the page. Where a picture shows several faces, it comes once for
            each of them; the box of the decision is drawn into it.
        gallery: what the page calls the gallery.
        kept: label -> the picture of an enrolled example, or None where the gallery keeps none;
            asked once for each label.
        strangers: who set the threshold, such as "153 classes of omniglot"; empty: not known.
    """
    seen: dict[str, Pixels | None] = {}

    def example(label: str) -> Pixels | None:
        if label not in seen:
            seen[label] = kept(label)
        return seen[label]

    cards = "".join(_card(answer, example) for answer in answers)
    return document(
        f"holotype: {gallery}",
        f"""<header>
<p class="eyebrow">holotype &middot; identify</p>
<h1>{escape(_headline(answers))}</h1>
<p class="lead">Compared with everybody enrolled in <bdi>{escape(gallery)}</bdi>.</p>
</header>
<section>{_known(answers, strangers)}
<p class="soft">Left the picture, right an enrolled example of whom it is most like, pale where
that is no match. The bar is how alike they are, the tick where a match begins.</p>
<ul class="answers">{cards}</ul></section>""",
        "<p>Written by <code>holotype identify</code>. The page holds the pictures themselves: "
        "keep it as carefully as them.</p>",
    )


def _headline(answers: Sequence[Identified]) -> str:
    """ "3 matches, 1 unknown, 2 cannot tell." """
    given = [answer.decision.answer for answer in answers]
    matches = given.count("match")
    counts = [f"{matches} match{'' if matches == 1 else 'es'}"]
    rest: tuple[Answer, ...] = ("unknown", "cannot_tell")
    counts += [f"{given.count(a)} {_BADGES[a][0]}" for a in rest if a in given]
    return f"{', '.join(counts)}."


def _known(answers: Sequence[Identified], strangers: str) -> str:
    """What is known of how many strangers are accepted, and of whom: one sentence for each rate."""
    facts = dict.fromkeys(
        (answer.decision.rate, answer.decision.promised)
        for answer in answers
        if answer.decision.threshold is not None
    )
    texts = []
    for rate, supported in facts:
        if supported:
            who = f"like those that set it ({strangers})" if strangers else "like those that set it"
            texts.append(
                f"The threshold is set for {stated(rate)} of strangers. That is an estimate, for "
                f"strangers {who}; nothing guarantees it for others, such as forgers or another "
                "source."
            )
        else:
            texts.append(
                f"How many strangers are accepted is not measured here: too few were shown for a "
                f"stated {stated(rate)}, so the threshold is a default. Show more with "
                "`holotype calibrate`."
            )
    return "".join(f"<p>{prose(text)}</p>" for text in texts)


def _card(answer: Identified, example: Callable[[str], Pixels | None]) -> str:
    decision = answer.decision
    says, kind = _BADGES[decision.answer]
    best = decision.candidates[0] if decision.candidates else None
    sides = [_figure(answer.pixels, "the picture", answer.name, "", decision.box)]
    if best is not None:
        pale = "" if decision.label else "unmatched"
        sides.append(_figure(example(best.label), "enrolled", best.label, pale))
    arrow = "<i>&rarr;</i>"
    measured = said = ""
    if best is not None:
        measured = meter(best.similarity, decision.threshold)
        needed = "" if decision.threshold is None else f", from {decision.threshold:.2f}"
        said = f"<span>{best.similarity:.2f}{needed}</span>"
    return f"""<li class="answer {kind}"><div class="pair">{arrow.join(sides)}</div>
{measured}<div class="verdict"><span class="badge">{says}</span>{said}</div>
<p class="name"><b>{_who(decision)}</b></p>
{_reasons(decision)}</li>"""


def _who(decision: Decision) -> str:
    """The label, or the best guess where there is none."""
    if decision.label is not None:
        return f"<bdi>{escape(decision.label)}</bdi>"
    if not decision.candidates:
        return "nobody to compare with"
    guess = f"best guess: <bdi>{escape(decision.candidates[0].label)}</bdi>"
    if decision.probability is None:
        return guess
    return f"{guess}, {escape(percent(decision.probability))} likely"


def _reasons(decision: Decision) -> str:
    # That nothing is measured stands once above all cards.
    texts = [r.text for r in decision.reasons if r.code != "not_measured"]
    return "".join(f'<p class="why">{prose(text)}.</p>' for text in texts)


def _figure(
    pixels: Pixels | None,
    role: str,
    name: str,
    style: str,
    box: tuple[int, int, int, int] | None = None,
) -> str:
    if pixels is None:
        picture = '<div class="tile none">no picture</div>'
    else:
        picture = tile(pixels, f"{role}: {name}", box)
    return (
        f'<figure class="{style}">{picture}<figcaption><bdi>{escape(short(name, most=60))}</bdi>'
        "</figcaption></figure>"
    )
