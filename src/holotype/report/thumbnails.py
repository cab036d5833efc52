"""Pictures inside the page: thumbnails, and the worst mistakes with what they were taken for."""

from __future__ import annotations

from html import escape

import numpy as np

from holotype.evaluation.open_set_report import Mistake
from holotype.image import prepare
from holotype.pages import meter, tile
from holotype.report.phrases import short
from holotype.report.proof import Proof


def thumbnail(proof: Proof, row: int, name: str) -> str:
    """One picture of the data set as it is, small, inside the page."""
    pixels = prepare.read(proof.dataset.images[row]).transpose(1, 2, 0)
    return tile(np.round(255 * pixels).astype(np.uint8), name)


def mistake_card(proof: Proof, mistake: Mistake) -> str:
    """A probe, its own reference where it has one, and whom it was taken for."""
    names = proof.dataset.class_names
    true, nearest = names[mistake.true_class], names[mistake.nearest_class]
    figures = [_figure(proof, mistake.probe, "the picture", true, nearest)]
    if mistake.own_reference is not None:
        own = f"its own, {mistake.own_similarity:.2f}"
        figures.append(_figure(proof, mistake.own_reference, own, true, nearest))
    if mistake.nearest_class != mistake.true_class:
        # For someone missed, the nearest was not an answer but only came closest.
        was = "nearest" if mistake.kind == "missed" else "taken for"
        figures.append(
            _figure(
                proof, mistake.nearest_reference, f"{was}, {mistake.similarity:.2f}", nearest, true
            )
        )
    shown = mistake.similarity
    if mistake.kind == "missed" and mistake.own_similarity is not None:
        shown = mistake.own_similarity
    style = "missed" if mistake.kind == "missed" else "wrong"
    return f"""<li class="answer {style}">
<div class="trio">{"".join(figures)}</div>
{meter(shown, mistake.threshold)}
<div class="verdict"><span>similarity {shown:.2f}</span>\
<span>accepted from {mistake.threshold:.2f}</span></div>
</li>"""


def _figure(proof: Proof, row: int, role: str, name: str, beside: str) -> str:
    caption = f"<small>{escape(role)}</small> <bdi>{escape(short(name, beside))}</bdi>"
    picture = thumbnail(proof, row, f"{role}: {name}")
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
