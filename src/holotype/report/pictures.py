"""Pictures inside the page: thumbnails, and the worst mistakes with what they were taken for."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

from holotype import images
from holotype.report.phrases import short
from holotype.report.proof import Proof
from holotype.tasks.open_set_report import Mistake

_SIDE_PX = 180
_COARSE_PX = 32  # smaller pictures are shown with their pixels
_QUALITY = 82


def thumbnail(proof: Proof, row: int, name: str) -> str:
    """One picture of the data set as it is, small, inside the page."""
    pixels = images.read(proof.dataset.images[row]).transpose(1, 2, 0)
    picture = Image.fromarray(np.round(255 * pixels).astype(np.uint8))
    coarse = " coarse" if max(picture.size) < _COARSE_PX else ""
    picture.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    grey = bool(np.ptp(np.asarray(picture), axis=2).max() <= 2)
    buffer = BytesIO()
    if grey:
        picture.convert("L").quantize(16).save(buffer, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(buffer, "JPEG", quality=_QUALITY)
        kind = "jpeg"
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img class="drawing{coarse}" alt="{escape(name)}" loading="lazy" '
        f'src="data:image/{kind};base64,{data}">'
    )


def mistake_card(proof: Proof, mistake: Mistake) -> str:
    """A probe, its own reference where it has one, and whom it was taken for."""
    names = proof.dataset.class_names
    true, nearest = names[mistake.true_class], names[mistake.nearest_class]
    figures = [_figure(proof, mistake.probe, "the picture", true)]
    if mistake.own_reference is not None:
        own = f"its own, {mistake.own_similarity:.2f}"
        figures.append(_figure(proof, mistake.own_reference, own, true))
    if mistake.nearest_class != mistake.true_class:
        # For someone missed, the nearest was not an answer but only came closest.
        was = "nearest" if mistake.kind == "missed" else "taken for"
        figures.append(
            _figure(proof, mistake.nearest_reference, f"{was}, {mistake.similarity:.2f}", nearest)
        )
    shown = mistake.similarity
    if mistake.kind == "missed" and mistake.own_similarity is not None:
        shown = mistake.own_similarity
    style = "missed" if mistake.kind == "missed" else "wrong"
    return f"""<li class="answer {style}">
<div class="trio">{"".join(figures)}</div>
<div class="meter" role="img" aria-label="similarity {shown:.2f}, accepted from \
{mistake.threshold:.2f}"><b style="width:{_at(shown):.1f}%"></b>\
<i style="left:{_at(mistake.threshold):.1f}%"></i></div>
<div class="verdict"><span>similarity {shown:.2f}</span>\
<span>accepted from {mistake.threshold:.2f}</span></div>
</li>"""


def _figure(proof: Proof, row: int, role: str, name: str) -> str:
    caption = (
        f'<small>{escape(role)}</small> <bdi title="{escape(name)}">{escape(short(name))}</bdi>'
    )
    picture = thumbnail(proof, row, f"{role}: {name}")
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _at(similarity: float) -> float:
    return 100 * min(1.0, max(0.0, similarity))
