"""The histogram of similarities as SVG."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from holotype.demo.showcase import Shown
from holotype.demo.trials import STRANGER

_BINS = 40
_WIDTH, _TOP, _ROW_HEIGHT, _AXIS_HEIGHT, _MARGIN = 420, 22, 96, 28, 6


def histogram(shown: Shown) -> Markup:
    """Best similarities of all probes: enrolled above, strangers below, and the threshold."""
    best = np.array([verdict.decision.similarity for verdict in shown.verdicts], dtype=float)
    threshold = shown.verdicts[0].decision.threshold or 0.0
    stranger = shown.trial.truth == STRANGER
    low = min(float(best.min()), threshold)
    start = np.floor(low * 10) / 10

    def x(similarity: float) -> float:
        return float((similarity - start) / (1 - start) * (_WIDTH - 2 * _MARGIN) + _MARGIN)

    bar_width = (_WIDTH - 2 * _MARGIN) / _BINS - 1.5
    rows = []
    for row, (mask, kind, title) in enumerate(
        ((~stranger, "own", "enrolled"), (stranger, "other", "strangers"))
    ):
        counts, edges = np.histogram(best[mask], bins=_BINS, range=(start, 1))
        foot = _TOP + (row + 1) * _ROW_HEIGHT
        scale = (_ROW_HEIGHT - 30) / max(1, int(counts.max()))
        bars = "".join(
            f'<rect class="{kind}" x="{x(edge) + 0.8:.1f}" y="{foot - count * scale:.1f}" '
            f'width="{bar_width:.1f}" height="{count * scale:.1f}" rx="1"/>'
            for count, edge in zip(counts, edges[:-1], strict=True)
            if count
        )
        over = int((best[mask] >= threshold).sum())
        rows.append(
            f'{bars}<line class="axis" x1="0" x2="{_WIDTH}" y1="{foot}" y2="{foot}"/>'
            f'<text x="{_MARGIN}" y="{foot - _ROW_HEIGHT + 20}">{title}: {over} of '
            f"{int(mask.sum())} reach the threshold</text>"
        )
    height = _TOP + 2 * _ROW_HEIGHT + _AXIS_HEIGHT
    ticks = "".join(
        f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">{tick:.1f}</text>'
        for tick in np.arange(start, 0.85, 0.2)
        if 12 < x(float(tick)) < _WIDTH - 100
    )
    cut = x(threshold)
    # Above both rows, where nothing else is drawn, and within the frame on either side.
    side, nudge = ("end", -6) if cut > _WIDTH / 2 else ("start", 6)
    return Markup(f"""<svg viewBox="0 0 {_WIDTH} {height}" role="img"
 aria-label="Histogram of the best similarities; threshold {threshold:.3f}">
{"".join(rows)}{ticks}
<line class="cut" x1="{cut:.1f}" x2="{cut:.1f}" y1="4" y2="{_TOP + 2 * _ROW_HEIGHT}"/>
<text x="{cut + nudge:.1f}" y="14" text-anchor="{side}">threshold {threshold:.2f}</text>
<text x="{_WIDTH - _MARGIN}" y="{height - 8}" text-anchor="end">similarity 1</text>
</svg>""")  # of numbers alone
