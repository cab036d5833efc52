"""Drawings, answers and the histogram as pieces of HTML."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.demo.showcase import Outcome, Shown, Verdict
from holotype.demo.trials import STRANGER, Trial

_BADGES: dict[Outcome, tuple[str, str]] = {  # what it says, CSS class
    "recognized": ("recognized", "recognized"),
    "confused": ("mistaken", "wrong"),
    "missed": ("missed", "missed"),
    "turned away": ("unknown", "unknown"),
    "accepted": ("accepted", "wrong"),
}
_BINS = 50
_WIDTH, _ROW_HEIGHT, _AXIS_HEIGHT, _MARGIN = 1000, 120, 30, 6


def drawing(pixels: NDArray[np.uint8], name: str) -> str:
    """A picture uint8 [H, W] as it is, inside the page."""
    picture = Image.fromarray(pixels)
    if set(np.unique(pixels).tolist()) <= {0, 255}:
        picture = picture.convert("1")
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img class="drawing" alt="{escape(name)}" src="data:image/png;base64,{data}">'


def answer_card(verdict: Verdict, trial: Trial) -> str:
    """A probe beside the enrolled drawing that is most like it, and how alike they are."""
    decision = verdict.decision
    best = decision.candidates[0]
    reference = trial.examples[trial.labels.index(best.label), 0]
    says, kind = _BADGES[verdict.outcome]
    pale = "" if decision.label else " unmatched"
    similarity, threshold = best.similarity, decision.threshold or 0.0
    meter = (
        f'<div class="meter" role="img" '
        f'aria-label="similarity {similarity:.3f}, accepted from {threshold:.3f}">'
        f'<b style="width:{_at(similarity):.1f}%"></b>'
        f'<i style="left:{_at(threshold):.1f}%"></i></div>'
    )
    return f"""<li class="answer {kind}">
<div class="pair"><figure>{drawing(verdict.probe, f"probe, {verdict.name}")}
<figcaption title="{escape(verdict.name)}">{escape(verdict.name)}</figcaption></figure><i>&rarr;</i>
<figure class="reference{pale}">{drawing(reference, f"enrolled, {best.label}")}
<figcaption title="{escape(best.label)}">{escape(best.label)}</figcaption></figure></div>
{meter}
<div class="verdict"><span class="badge">{says}</span><span>{similarity:.2f}</span></div>
</li>"""


def histogram(shown: Shown) -> str:
    """Best similarities of all probes: enrolled above, strangers below, and the threshold."""
    best = np.array([verdict.decision.similarity for verdict in shown.verdicts], dtype=float)
    threshold = shown.verdicts[0].decision.threshold or 0.0
    stranger = shown.trial.truth == STRANGER
    low = min(float(best.min()), threshold)
    start = np.floor(low * 10) / 10

    def x(similarity: float) -> float:
        return float((similarity - start) / (1 - start) * (_WIDTH - 2 * _MARGIN) + _MARGIN)

    bar_width = (_WIDTH - 2 * _MARGIN) / _BINS - 2
    rows = []
    for row, (mask, kind, title) in enumerate(
        ((~stranger, "own", "enrolled"), (stranger, "other", "strangers"))
    ):
        counts, edges = np.histogram(best[mask], bins=_BINS, range=(start, 1))
        foot = (row + 1) * _ROW_HEIGHT
        scale = (_ROW_HEIGHT - 30) / max(1, int(counts.max()))
        bars = "".join(
            f'<rect class="{kind}" x="{x(edge) + 1:.1f}" y="{foot - count * scale:.1f}" '
            f'width="{bar_width:.1f}" height="{count * scale:.1f}" rx="1"/>'
            for count, edge in zip(counts, edges[:-1], strict=True)
            if count
        )
        over = int((best[mask] >= threshold).sum())
        rows.append(
            f'{bars}<line class="axis" x1="0" x2="{_WIDTH}" y1="{foot}" y2="{foot}"/>'
            f'<text x="{_MARGIN}" y="{foot - _ROW_HEIGHT + 22}">{title}: {over} of '
            f"{int(mask.sum())} reach the threshold</text>"
        )
    height = 2 * _ROW_HEIGHT + _AXIS_HEIGHT
    ticks = "".join(
        f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">{tick:.1f}</text>'
        for tick in np.arange(start, 0.95, 0.1 if start > -0.5 else 0.2)
        if x(float(tick)) > 20
    )
    cut = x(threshold)
    return f"""<svg viewBox="0 0 {_WIDTH} {height}" role="img"
 aria-label="Histogram of the best similarities; threshold {threshold:.3f}">
{"".join(rows)}{ticks}
<line class="cut" x1="{cut:.1f}" x2="{cut:.1f}" y1="8" y2="{2 * _ROW_HEIGHT}"/>
<text x="{cut + 7:.1f}" y="20">threshold {threshold:.2f}</text>
<text x="{_WIDTH - _MARGIN}" y="{height - 8}" text-anchor="end">similarity 1</text>
</svg>"""


def _at(similarity: float) -> float:
    return 100 * float(np.clip(similarity, 0, 1))
