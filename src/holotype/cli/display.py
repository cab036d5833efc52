"""What commands print: one JSON document, or what a person likes to read.

Labels, file names and the cards of packs are other people's text: they are shown as they are,
never read as markup, and what could move the cursor or turn the line around comes out escaped.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]

# Joiners of Persian, Indic scripts and emoji: they belong to the word.
_HARMLESS = "\u200c\u200d\u00a0"
_UNWRAPPED_COLUMNS = 10_000
# A cell of text may be folded to this width, or to so many lines; where that does not do, the rows
# are shown one below the other.
_NARROWEST_TEXT, _MOST_LINES = 16, 3
_BETWEEN_COLUMNS = 3
_MANY = 500  # rows

Cell = str | tuple[str, str]  # text, or text and style


def command_line() -> str:
    """The command as it was typed, to be typed again."""
    return shlex.join(["holotype", *sys.argv[1:]])


def print_json(value: Any) -> None:
    """Print the one document of `--json`, in ASCII so that any pipe takes it.

    One with many rows goes on one line: Python writes that ten times as fast.
    """
    parts = value.values() if isinstance(value, dict) else (value,)
    long = any(isinstance(part, list | tuple) and len(part) > _MANY for part in parts)
    # Dates, the one kind of value that JSON has no form for, as ISO 8601.
    text = json.dumps(value, indent=None if long else 2, allow_nan=False, default=_iso)
    print(text, flush=True)


def _iso(value: date) -> str:
    return value.isoformat()  # of a datetime with its time


def shown(text: object) -> str:
    """Text on one line: control and direction characters escaped, all others as they are."""
    plain = os.fsdecode(text if isinstance(text, str | bytes | os.PathLike) else str(text))
    if plain.isprintable():  # as nearly all are; a gallery has many
        return plain
    return "".join(
        c
        if c.isprintable() or c in _HARMLESS
        else c.encode("unicode_escape", "surrogatepass").decode()
        for c in plain
    )


def percent(fraction: float) -> str:
    """A fraction as people write it: 0.01 -> "1 %"."""
    return f"{100 * fraction:.3g} %"


def counted(count: int, one: str, more: str = "") -> str:
    """How many of what: "1 example", "2 examples"."""
    return f"{count} {one if count == 1 else more or f'{one}s'}"


def say(text: str, style: str | None = None) -> None:
    """Print a sentence, wrapped to the terminal."""
    _console().print(shown(text), style=style)


def can_ask() -> bool:
    """Whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Ask a person, on stderr; stdout stays the result's."""
    return typer.confirm(shown(question), err=True)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    numbers: Collection[str] = (),
    title: str | None = None,
) -> None:
    """Print a table; in a terminal too narrow for one, its rows one below the other.

    Args:
        columns: the headings.
        rows: as many cells each as there are columns.
        numbers: headings of columns that are set flush right.
        title: above the table.
    """
    from rich import box
    from rich.table import Table

    console, rows = _console(), list(rows)
    if len(rows) > _MANY:
        plain = [[shown(c if isinstance(c, str) else c[0]) for c in row] for row in rows]
        if _print_plain(console, columns, plain, numbers, title):
            return
    cells = [[_text(cell) for cell in row] for row in rows]
    narrowest = [
        _narrowest([cell.cell_len for cell in column], number=heading in numbers)
        for heading, *column in zip(columns, *cells, strict=True)
    ]
    narrowest = [max(len(h), width) for h, width in zip(columns, narrowest, strict=True)]
    if title:
        console.print(shown(title), style="bold")
    if console.width < sum(narrowest) + _BETWEEN_COLUMNS * len(columns) - 1:
        for row in cells:
            pairs = Table.grid(padding=(0, 2, 0, 0))
            pairs.add_column(overflow="fold", style="dim")
            pairs.add_column(overflow="fold")
            for heading, cell in zip(columns, row, strict=True):
                if cell.plain:
                    pairs.add_row(heading, cell)
            console.print(pairs)
            console.print()
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, width in zip(columns, narrowest, strict=True):
        flush_right = heading in numbers
        table.add_column(
            heading,
            justify="right" if flush_right else "left",
            overflow="fold",
            no_wrap=flush_right,
            min_width=width,
        )
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _print_plain(
    console: Console,
    columns: Sequence[str],
    rows: list[list[str]],
    numbers: Collection[str],
    title: str | None,
) -> bool:
    """Print a long table as the others look, in a hundredth of the time; False: it is too wide."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    between = " " * _BETWEEN_COLUMNS
    total = sum(widths) + len(between) * (len(columns) - 1)
    if total + 2 > console.width:
        return False
    flush_right = [heading in numbers for heading in columns]

    def line(cells: Sequence[str]) -> str:
        padded = []
        for cell, width, right in zip(cells, widths, flush_right, strict=True):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if right else cell + space)
        return f" {between.join(padded)} "

    blank = " " * (total + 2)
    head = [shown(title)] if title else []
    head += [blank, line(columns), f" {'─' * total} "]
    print("\n".join([*head, *map(line, rows), blank]), flush=True)
    return True


def _narrowest(widths: Sequence[int], number: bool) -> int:
    """How narrow a column may get whose cells are so wide; numbers are not folded."""
    widest = max(widths, default=0)
    return widest if number else min(widest, max(_NARROWEST_TEXT, -(-widest // _MOST_LINES)))


def _text(cell: Cell) -> Any:
    from rich.text import Text

    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(shown(text), style=style, overflow="fold")


def _console() -> Console:
    from rich.console import Console

    # What goes into a pipe is read by programs: one row, one line.
    fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(
        width=None if fitted else _UNWRAPPED_COLUMNS,
        markup=False,
        highlight=False,
        emoji=False,
    )
