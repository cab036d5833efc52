"""The plot of a comparison: a dot with its interval for each contender, a panel for each task.

Accuracies are spaced by the logarithm of the error: from 98 to 99 is as far as from 96 to 98, and a
baseline far behind does not press the others together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from holotype.pages.svg import circle, line, text

_LEFT, _PANEL, _GAP, _RIGHT = 190, 230, 26, 20
_TOP, _ROW, _BOTTOM = 62, 26, 54
_TICKS = (0.0, 50.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9)
_BEST = _TICKS[-1]  # what lies beyond is drawn there: an error of zero has no logarithm
# Grey ink that reads on white and on dark paper: the plot may lie in any page.
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#6b7280}.head{font-weight:600}"
    ".grid{stroke:#9ca3af;stroke-opacity:.35}.ci{stroke:#0f766e;stroke-width:2}"
    ".dot{fill:#0f766e}.paper{fill:none;stroke:#b45309;stroke-width:1.6}"
)


@dataclass(frozen=True, slots=True)
class Dot:
    """One contender in one panel. Percent, and percent points."""

    name: str
    accuracy: float
    ci95: float
    published: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """One task."""

    title: str
    dots: tuple[Dot, ...]


def figure(title: str, panels: Sequence[Panel]) -> str:
    """An SVG document that stands alone.

    Args:
        title: says what is drawn.
        panels: side by side; all with the same contenders in the same order, at least one.
    """
    rows = len(panels[0].dots)
    width = _LEFT + len(panels) * (_PANEL + _GAP) - _GAP + _RIGHT
    height = _TOP + rows * _ROW + _BOTTOM
    told = "; ".join(
        f"{panel.title}: "
        + ", ".join(f"{dot.name} {dot.accuracy:.2f} +- {dot.ci95:.2f}" for dot in panel.dots)
        for panel in panels
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc><style>{_STYLE}</style>",
        text((12, 22), title, style="head"),
    ]
    for row, dot in enumerate(panels[0].dots):
        shown = dot.name if len(dot.name) <= 24 else f"{dot.name[:23]}\u2026"
        parts.append(text((_LEFT - 14, _y(row) + 4), shown, "end"))
    for at, panel in enumerate(panels):
        parts.append(_panel(panel, _LEFT + at * (_PANEL + _GAP)))
    if any(dot.published is not None for panel in panels for dot in panel.dots):
        parts.append(circle((_LEFT + 5, height - 12), 4, "paper"))
        parts.append(text((_LEFT + 16, height - 8), "as the paper reports it"))
    return "".join(parts) + "</svg>\n"


def _panel(panel: Panel, left: float) -> str:
    low, high = _ends(panel.dots)

    def x(value: float) -> float:
        return left + _PANEL * _place(value, low, high)

    foot = _TOP + len(panel.dots) * _ROW
    parts = [text((left + _PANEL / 2, _TOP - 14), panel.title, "middle", "head")]
    for tick in _TICKS:
        if low <= tick <= high:
            parts.append(line((x(tick), _TOP), (x(tick), foot), "grid"))
            parts.append(text((x(tick), foot + 18), f"{tick:g}", "middle"))
    for row, dot in enumerate(panel.dots):
        at = _y(row)
        first, last = x(dot.accuracy - dot.ci95), x(dot.accuracy + dot.ci95)
        parts.append(line((first, at), (last, at), "ci"))
        parts.append(circle((x(dot.accuracy), at), 4, "dot"))
        if dot.published is not None:
            parts.append(circle((x(dot.published), at), 4, "paper"))
    return "".join(parts)


def _ends(dots: Sequence[Dot]) -> tuple[float, float]:
    """The ticks around every dot, its interval and the paper's figure."""
    values = [end for d in dots for end in (d.accuracy - d.ci95, d.accuracy + d.ci95)]
    values += [dot.published for dot in dots if dot.published is not None]
    low = max((tick for tick in _TICKS if tick <= min(values)), default=_TICKS[0])
    low = min(low, _TICKS[-2])
    return low, min((tick for tick in _TICKS if tick >= max(values) and tick > low), default=_BEST)


def _place(value: float, low: float, high: float) -> float:
    """Where an accuracy lies between two others: 0 to 1, clipped."""
    within = min(max(value, low), high)
    return log10((100 - low) / (100 - within)) / log10((100 - low) / (100 - high))


def _y(row: int) -> float:
    return _TOP + (row + 0.5) * _ROW
