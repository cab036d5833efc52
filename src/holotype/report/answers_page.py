"""The page of `identify --report`: one card for each answer, with the reader's own pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holotype.image.decode import describe
from holotype.image.prepare import ImageSource
from holotype.pages import Pixels, page, readable
from holotype.rate_basis import grounds, meaning
from holotype.recognizer import Recognizer
from holotype.records import Answer, Decision
from holotype.report.phrases import percent, short, stated

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

    return page(
        "report/answers.html",
        gallery=gallery,
        headline=_headline(answers),
        known=_known(answers),
        answers=answers,
        example=example,
        badges=_BADGES,
        percent=percent,
        short=short,
    )


def answers_page(
    recognizer: Recognizer,
    images: Sequence[ImageSource],
    decisions: Sequence[Decision],
    gallery: str,
) -> str:
    """The page of what a recognizer answered.

    Args:
        recognizer: who answered, still open: the pictures that its gallery keeps stand beside the
            answers.
        images: one for each decision; where a picture shows several faces, it is there as often.
        decisions: the answers.
        gallery: what the page calls the gallery.
    """
    store = recognizer.gallery

    def kept(label: str) -> Pixels | None:
        examples = store.picture_ids(label)
        return readable(store.picture(examples[0])) if examples else None

    answers = [
        Identified(name, decision, readable(image))
        for name, image, decision in zip(_names(images), images, decisions, strict=True)
    ]
    return identified_page(answers, gallery, kept=kept)


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


def _headline(answers: Sequence[Identified]) -> str:
    """ "3 matches, 1 unknown, 2 cannot tell." """
    given = [answer.decision.answer for answer in answers]
    matches = given.count("match")
    counts = [f"{matches} match{'' if matches == 1 else 'es'}"]
    rest: tuple[Answer, ...] = ("unknown", "cannot_tell")
    counts += [f"{given.count(a)} {_BADGES[a][0]}" for a in rest if a in given]
    return f"{', '.join(counts)}."


def _known(answers: Sequence[Identified]) -> list[str]:
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
    return texts
