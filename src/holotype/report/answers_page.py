"""The page of `identify --report`: one card for each answer, with the reader's own pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.errors import ImageError
from holotype.image import prepare as pictures
from holotype.image.decode import describe
from holotype.image.prepare import ImageSource
from holotype.pages import check_ending, document, meter, prose, tile, write
from holotype.rate_basis import grounds, meaning
from holotype.recognizer import Recognizer
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
) -> str:
    """The answers as one page of HTML that asks nothing of any other address.

    Args:
        answers: in the order of the page. Where a picture shows several faces, it comes once for
            each of them; the box of the decision is drawn into it.
        gallery: what the page calls the gallery.
        kept: label -> the picture of an enrolled example, or None where the gallery keeps none;
            asked once for each label.
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
<section class="known">{_known(answers)}
<p class="soft">Left the picture, right an enrolled example of whom it is most like, pale where
that is no match. The bar is how alike they are, the tick where a match begins.</p>
<ul class="answers">{cards}</ul></section>""",
        "<p>Written by <code>holotype identify</code>. The page holds the pictures themselves: "
        "keep it as carefully as them.</p>",
    )


def write_identified(
    recognizer: Recognizer,
    images: Sequence[ImageSource],
    decisions: Sequence[Decision],
    path: Path,
    *,
    gallery: str,
) -> Path:
    """Write the page of what a recognizer answered, whole or not at all.

    Args:
        recognizer: who answered, still open: the pictures that its gallery keeps stand beside the
            answers.
        images: one for each decision; where a picture shows several faces, it is there as often.
        decisions: the answers.
        path: of the page, ending in `.html` or `.htm`; a file that is there is replaced.
        gallery: what the page calls the gallery.

    Raises:
        DataError: the path has another ending.
        OSError: it cannot be written.
    """
    check_ending(path)
    store = recognizer.gallery

    def kept(label: str) -> Pixels | None:
        examples = store.picture_ids(label)
        return _pixels(store.picture(examples[0])) if examples else None

    answers = [
        Identified(name, decision, _pixels(image))
        for name, image, decision in zip(_names(images), images, decisions, strict=True)
    ]
    write(path, identified_page(answers, gallery, kept=kept))
    return path


def _names(images: Sequence[ImageSource]) -> list[str]:
    """What each picture is called: its path below the folder that all of them share."""
    paths = [os.fsdecode(os.path.abspath(i)) for i in images if isinstance(i, str | os.PathLike)]
    if not paths or len(paths) < len(images):
        return [describe(image) for image in images]
    try:
        shared = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # on several drives
        return paths
    return [os.path.relpath(path, shared) for path in paths]


def _pixels(source: ImageSource) -> Pixels | None:
    """A picture as it is looked at: uint8 [H, W, 3]; None where it cannot be read."""
    try:
        return np.round(255 * pictures.read(source)).astype(np.uint8).transpose(1, 2, 0)
    except ImageError:
        return None


def _headline(answers: Sequence[Identified]) -> str:
    """ "3 matches, 1 unknown, 2 cannot tell." """
    given = [answer.decision.answer for answer in answers]
    matches = given.count("match")
    counts = [f"{matches} match{'' if matches == 1 else 'es'}"]
    rest: tuple[Answer, ...] = ("unknown", "cannot_tell")
    counts += [f"{given.count(a)} {_BADGES[a][0]}" for a in rest if a in given]
    return f"{', '.join(counts)}."


def _known(answers: Sequence[Identified]) -> str:
    """What is known of how many strangers are accepted, and by whom: a sentence for each rate."""
    facts = dict.fromkeys(
        (answer.decision.rate, answer.decision.basis)
        for answer in answers
        if answer.decision.basis is not None
    )
    texts = []
    for rate, basis in facts:
        assert basis is not None
        if basis.known == "default":
            texts.append(
                f"How many strangers are accepted is not measured here: too few were shown for a "
                f"stated {stated(rate)}, so the threshold is a default. Show more with "
                "`holotype calibrate`."
            )
        else:
            means = meaning({basis.known})
            texts.append(
                f"The threshold is set for {stated(rate)} of strangers: {grounds(basis)}. {means}"
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
        said = f"<span>{best.similarity:.2f}</span>"
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
