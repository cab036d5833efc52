"""The shapes that charts are drawn with, as SVG; what they look like, the style sheet says."""

from __future__ import annotations

from html import escape

Point = tuple[float, float]  # right and down, in px


def line(start: Point, end: Point, style: str) -> str:
    """A straight line of a CSS class."""
    return (
        f'<line class="{style}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" '
        f'x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )


def text(at: Point, words: str, anchor: str = "start", style: str = "", turned: int = 0) -> str:
    """A line of text.

    Args:
        at: of its base line, where it is anchored.
        words: as they are.
        anchor: start, middle or end.
        style: CSS classes.
        turned: by so many degrees, clockwise.
    """
    x, y = (f"{px:.1f}" for px in at)
    named = f' class="{style}"' if style else ""
    turn = f' transform="rotate({turned} {x} {y})"' if turned else ""
    return f'<text{named}{turn} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def circle(at: Point, radius: float, style: str, title: str = "") -> str:
    """A dot of CSS classes; its title is shown on hover, and read aloud."""
    told = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<circle class="{style}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:.1f}">'
        f"{told}</circle>"
    )
