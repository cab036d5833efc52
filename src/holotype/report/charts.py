"""Line charts as inline SVG: a frame with axes, and what is drawn into it.

Colors and strokes come from the page's style sheet, so a chart follows the light or dark page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from markupsafe import Markup

# As wide as a phone: on anything wider, its texts only grow.
WIDTH, HEIGHT = 420, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 26, 14, 50
# The key stands above the plot, where no curve and no interval comes.
_KEY_STEP, _KEY_PX, _KEYS_IN_ROW = 19, 110, 3

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis. `low` and `high` are values; on a logarithmic axis, both are above 0."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    name: Callable[[float], str]  # what stands at a tick
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies between the ends: 0 to 1, clipped."""
        if self.log:
            # Zero has no place on a logarithmic axis; it is drawn at the low end.
            span = log10(self.high / self.low)
            part = log10(max(value, self.low) / self.low) / span
        else:
            part = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, part))


@dataclass(frozen=True, slots=True)
class Line:
    """A curve with its label."""

    points: Sequence[Point]
    label: str
    style: str  # CSS class
    steps: bool = False  # hold each value until the next point


@dataclass(frozen=True, slots=True)
class Mark:
    """A measured point with its intervals."""

    at: Point
    style: str
    title: str  # shown on hover, read aloud
    x_interval: Point | None = None
    y_interval: Point | None = None
    radius: float = 5.0


def chart(
    name: str,
    description: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    marks: Sequence[Mark] = (),
    diagonal: bool = False,
) -> Markup:
    """A line chart.

    Args:
        name: the title for those who cannot see it.
        description: what it shows, likewise.
        x: the horizontal axis.
        y: the vertical axis.
        lines: drawn in this order.
        marks: drawn on top.
        diagonal: whether the line of equality is drawn.
    """

    top = _TOP + (_KEY_STEP * -(-len(lines) // _KEYS_IN_ROW) if len(lines) > 1 else 0)

    def place(point: Point) -> Point:
        return (
            _LEFT + x.at(point[0]) * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - y.at(point[1]) * (HEIGHT - top - _BOTTOM),
        )

    parts = [_grid(x, y, place)]
    if diagonal:
        start, end = place((x.low, y.low)), place((x.high, y.high))
        parts.append(_segment(start, end, "equal"))
    parts += [_path(line, place) for line in lines]
    parts += [_mark(mark, place) for mark in marks]
    if len(lines) > 1:
        parts.append(_key(lines))
    return framed("".join(parts), name, description, WIDTH, HEIGHT)


def framed(inside: str, name: str, description: str, width: float, height: float) -> Markup:
    """An SVG with its title and description."""
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img">'
        f"<title>{escape(name)}</title><desc>{escape(description)}</desc>{inside}</svg>"
    )


def decades(low: float, high: float) -> tuple[float, ...]:
    """The powers of ten from `low` to `high`."""
    first, last = floor(log10(low) + 1e-9), floor(log10(high) + 1e-9)
    return tuple(10.0**i for i in range(first, last + 1) if 10.0**i >= low * (1 - 1e-9))


def even_ticks(high: float, low: float = 0.0, most: int = 6) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, at most `most` of them."""
    span = high - low
    power = 10.0 ** floor(log10(span / most))
    step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if span / (s * power) <= most - 1 + 1e-9)
    first = -floor(-low / step + 1e-9)
    count = floor((high - first * step) / step + 1e-9)
    return tuple(round((first + i) * step, 10) for i in range(count + 1))


def _grid(x: Axis, y: Axis, place: Callable[[Point], Point]) -> str:
    parts = []
    for tick in x.ticks:
        at, foot = place((tick, y.low))
        parts.append(_segment((at, foot), (at, place((tick, y.high))[1]), "grid"))
        parts.append(_text((at, foot + 19), x.name(tick), "middle"))
    for tick in y.ticks:
        left, at = place((x.low, tick))
        parts.append(_segment((left, at), (WIDTH - _RIGHT, at), "grid"))
        parts.append(_text((left - 8, at + 4.5), y.name(tick), "end"))
    corner = place((x.low, y.low))
    parts.append(_segment(corner, (WIDTH - _RIGHT, corner[1]), "axis"))
    parts.append(_text(((corner[0] + WIDTH - _RIGHT) / 2, HEIGHT - 8), x.title, "middle", "title"))
    middle = (place((x.low, y.high))[1] + corner[1]) / 2
    parts.append(
        f'<text class="title" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})" '
        f'x="14" y="{middle:.1f}">{escape(y.title)}</text>'
    )
    return "".join(parts)


def _path(line: Line, place: Callable[[Point], Point]) -> str:
    steps: list[str] = []
    for px, py in map(place, line.points):
        if line.steps and steps:
            steps.append(f"H{px:.1f}")
        steps.append(f"{'L' if steps else 'M'}{px:.1f} {py:.1f}")
    return (
        f'<path class="line {line.style}" d="{"".join(steps)}"><title>{escape(line.label)}</title>'
        "</path>"
    )


def _mark(mark: Mark, place: Callable[[Point], Point]) -> str:
    parts = []
    if mark.x_interval:
        low, high = (place((end, mark.at[1])) for end in mark.x_interval)
        parts.append(_segment(low, high, f"whisker {mark.style}"))
    if mark.y_interval:
        low, high = (place((mark.at[0], end)) for end in mark.y_interval)
        parts.append(_segment(low, high, f"whisker {mark.style}"))
    px, py = place(mark.at)
    parts.append(
        f'<circle class="mark {mark.style}" cx="{px:.1f}" cy="{py:.1f}" r="{mark.radius:.1f}">'
        f"<title>{escape(mark.title)}</title></circle>"
    )
    return "".join(parts)


def _key(lines: Sequence[Line]) -> str:
    """Which line is which."""
    parts = []
    for i, line in enumerate(lines):
        left = _LEFT + _KEY_PX * (i % _KEYS_IN_ROW)
        at = _TOP + _KEY_STEP * (i // _KEYS_IN_ROW)
        parts.append(_segment((left, at - 4.5), (left + 28, at - 4.5), f"line {line.style}"))
        parts.append(_text((left + 34, at), line.label, "start", "key"))
    return "".join(parts)


def _segment(start: Point, end: Point, style: str) -> str:
    return (
        f'<line class="{style}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" '
        f'x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )


def _text(at: Point, text: str, anchor: str, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return (
        f'<text{named} x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
