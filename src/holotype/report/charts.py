"""Line charts as inline SVG: a frame with axes, and what is drawn into it.

Colors and strokes come from the page's style sheet, so a chart follows the light or dark page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from markupsafe import Markup

from holotype.pages.svg import Point, circle, text
from holotype.pages.svg import line as segment

# As wide as a phone: on anything wider, its texts only grow.
WIDTH, HEIGHT = 420, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 26, 14, 50
_MOST_TICKS = 6
# The key stands above the plot, where no curve and no interval comes.
_KEY_STEP, _KEY_PX, _KEYS_IN_ROW = 19, 110, 3


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
        parts.append(segment(start, end, "equal"))
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


def even_ticks(high: float, low: float = 0.0) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, at most six of them."""
    span = high - low
    power = 10.0 ** floor(log10(span / _MOST_TICKS))
    most = _MOST_TICKS - 1 + 1e-9
    step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if span / (s * power) <= most)
    first = -floor(-low / step + 1e-9)
    count = floor((high - first * step) / step + 1e-9)
    return tuple(round((first + i) * step, 10) for i in range(count + 1))


def _grid(x: Axis, y: Axis, place: Callable[[Point], Point]) -> str:
    parts = []
    for tick in x.ticks:
        at, foot = place((tick, y.low))
        parts.append(segment((at, foot), (at, place((tick, y.high))[1]), "grid"))
        parts.append(text((at, foot + 19), x.name(tick), "middle"))
    for tick in y.ticks:
        left, at = place((x.low, tick))
        parts.append(segment((left, at), (WIDTH - _RIGHT, at), "grid"))
        parts.append(text((left - 8, at + 4.5), y.name(tick), "end"))
    corner = place((x.low, y.low))
    parts.append(segment(corner, (WIDTH - _RIGHT, corner[1]), "axis"))
    parts.append(text(((corner[0] + WIDTH - _RIGHT) / 2, HEIGHT - 8), x.title, "middle", "title"))
    middle = (place((x.low, y.high))[1] + corner[1]) / 2
    parts.append(text((14, middle), y.title, "middle", "title", turned=-90))
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
        parts.append(segment(low, high, f"whisker {mark.style}"))
    if mark.y_interval:
        low, high = (place((mark.at[0], end)) for end in mark.y_interval)
        parts.append(segment(low, high, f"whisker {mark.style}"))
    parts.append(circle(place(mark.at), mark.radius, f"mark {mark.style}", mark.title))
    return "".join(parts)


def _key(lines: Sequence[Line]) -> str:
    """Which line is which."""
    parts = []
    for i, line in enumerate(lines):
        left = _LEFT + _KEY_PX * (i % _KEYS_IN_ROW)
        at = _TOP + _KEY_STEP * (i // _KEYS_IN_ROW)
        parts.append(segment((left, at - 4.5), (left + 28, at - 4.5), f"line {line.style}"))
        parts.append(text((left + 34, at), line.label, "start", "key"))
    return "".join(parts)
