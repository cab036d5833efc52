"""Histograms over one axis of similarity, one above another, with the thresholds through all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup

from holotype.pages.svg import line, text

_WIDTH, _TOP, _ROW_HEIGHT, _FOOT, _MARGIN = 420, 8, 84, 42, 6
_LINE = 15  # px between the names of two cuts
_TICKS = 7


@dataclass(frozen=True, slots=True)
class Bars:
    """One histogram."""

    title: str
    counts: Sequence[float]  # [B], or shares
    style: str  # CSS class


@dataclass(frozen=True, slots=True)
class Cut:
    """A line through all histograms."""

    at: float
    title: str
    style: str = ""  # CSS class


def histograms(
    name: str, edges: Sequence[float], rows: Sequence[Bars], cuts: Sequence[Cut]
) -> Markup:
    """An SVG.

    Args:
        name: what it shows, for those who cannot see it.
        edges: [B + 1] similarities between the bins, evenly ascending.
        rows: each scaled to its own highest bar.
        cuts: named one below another, the first lowest.
    """
    start, end = edges[0], edges[-1]
    top = _TOP + _LINE * len(cuts)
    foot = top + len(rows) * _ROW_HEIGHT

    def x(similarity: float) -> float:
        return (similarity - start) / (end - start) * (_WIDTH - 2 * _MARGIN) + _MARGIN

    width = (_WIDTH - 2 * _MARGIN) / (len(edges) - 1) - 1.5
    parts = []
    for number, row in enumerate(rows):
        base = top + (number + 1) * _ROW_HEIGHT
        scale = (_ROW_HEIGHT - 28) / (max(row.counts) or 1)
        parts += [
            f'<rect class="{row.style}" x="{x(edge) + 0.8:.1f}" y="{base - count * scale:.1f}" '
            f'width="{width:.1f}" height="{count * scale:.1f}" rx="1"/>'
            for count, edge in zip(row.counts, edges, strict=False)
            if count
        ]
        parts.append(line((0, base), (_WIDTH, base), "axis"))
    parts += [text((x(tick), foot + 17), f"{tick:g}", "middle") for tick in _ticks(start, end)]
    parts.append(text((_WIDTH / 2, foot + 35), "similarity", "middle"))
    for number, cut in enumerate(cuts):
        at, y = x(cut.at), top - 4 - _LINE * number
        # Within the frame on either side.
        side, nudge = ("end", -5) if at > _WIDTH / 2 else ("start", 5)
        parts.append(line((at, y - 10), (at, foot), f"cut {cut.style}"))
        parts.append(text((at + nudge, y), cut.title, side))
    parts += [  # above what is drawn, to be read
        text((_MARGIN, top + number * _ROW_HEIGHT + 17), row.title, style="title")
        for number, row in enumerate(rows)
    ]
    return Markup(
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {foot + _FOOT}" role="img" '
        f'aria-label="{escape(name)}">{"".join(parts)}</svg>'
    )


def _ticks(start: float, end: float) -> list[float]:
    step = next(one for one in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (end - start) / one <= _TICKS)
    inner = np.arange(np.ceil(start / step + 0.2), np.floor(end / step - 0.2) + 1)
    return [round(float(one) * step, 2) for one in inner]
