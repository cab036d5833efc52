"""The sections of the report that show pictures: the worst mistakes and the weakest classes."""

from __future__ import annotations

from html import escape

import numpy as np

from holotype.evaluation.open_set_report import MistakeKind
from holotype.report.phrases import percent, pictures, short
from holotype.report.proof import Proof
from holotype.report.thumbnails import mistake_card, thumbnail
from holotype.report.words import setting

_MOST_MISTAKES = 8  # shown of each kind
_MOST_WEAK = 12  # classes shown among those that are missed most
_KINDS: tuple[tuple[MistakeKind, str, str], ...] = (
    (
        "stranger_accepted",
        "Strangers let in",
        "Nobody of this kind was enrolled; the right answer was <em>unknown</em>.",
    ),
    (
        "taken_for_another",
        "Taken for another",
        "Enrolled, but answered with somebody else.",
    ),
    (
        "missed",
        "Missed",
        "Enrolled, but too unlike its own example: the answer was <em>unknown</em>.",
    ),
)


def worst(proof: Proof) -> str:
    """The worst mistakes of each kind, as pictures; empty where nothing was measured."""
    subject = proof.subject
    if subject is None:
        return ""
    (k_shot, row), *_ = subject.rows
    groups = []
    for kind, title, meaning in _KINDS:
        shown = [mistake for mistake in row.mistakes if mistake.kind == kind][:_MOST_MISTAKES]
        if shown:
            cards = "".join(mistake_card(proof, mistake) for mistake in shown)
            groups.append(f'<h3>{title}</h3><p>{meaning}</p><ul class="answers">{cards}</ul>')
    if not groups:
        return ""
    return f"""<section><h2>The worst mistakes</h2>
<p>From {pictures(k_shot)} of each, {setting(subject)}. The farthest on the wrong side of the
threshold, each class once; a wrong label or two classes that are one show themselves here. The bar
is the similarity, the tick the threshold.</p>
{"".join(groups)}</section>"""


def weakest(proof: Proof) -> str:
    """The classes that are missed more often than the others: who needs another picture."""
    subject = proof.subject
    if subject is None:
        return ""
    (k_shot, row), *_ = subject.rows
    assert row.fnir is not None
    missed, trials = row.tally.missed, row.tally.enrolled_probes
    share = missed / np.maximum(trials, 1)
    usual = row.fnir.value
    order = np.argsort(-share, kind="stable")
    weak = [int(i) for i in order if trials[i] and share[i] > max(2 * usual, usual + 0.1)]
    if not weak:
        return ""
    index = proof.dataset.class_index
    items = "".join(
        f"<li>{thumbnail(proof, int(np.flatnonzero(index == i)[0]), proof.dataset.class_names[i])}"
        f'<div class="name"><bdi>{escape(short(proof.dataset.class_names[i]))}</bdi><br>'
        f"{percent(1 - float(share[i]))} recognized</div></li>"
        for i in weak[:_MOST_WEAK]
    )
    few = f"; the {_MOST_WEAK} weakest" if len(weak) > _MOST_WEAK else ""
    return f"""<section><h2>Who needs another picture</h2>
<p>{len(weak):,} of {int((trials > 0).sum()):,} classes are missed far more often than the average
of {percent(usual)}, from {pictures(k_shot)} of each {setting(subject)}{few}. Enroll these with more
pictures, or with clearer ones.</p>
<ul class="sheet">{items}</ul></section>"""
