"""Progress on stderr while a person is looking; stdout stays the result's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_LINE_EVERY_S = 60.0


class Report(Protocol):
    """Where progress is told."""

    def __call__(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """What is being done, how much, of how much (None: unknown), and a note."""


def _unseen(what: str, done: int, total: int | None, note: str = "") -> None:
    """Nobody is looking."""


@contextmanager
def bars() -> Iterator[Report]:
    """A progress bar for each thing that is reported, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    tasks: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:

        def report(what: str, done: int, total: int | None, note: str = "") -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total, note=note)
            progress.update(tasks[what], completed=done, total=total, note=note)

        yield report


def occasional_lines() -> Callable[[str, bool], None]:
    """For logs: prints a line on stderr now and then, or when told that it is the last."""
    printed_at = time.monotonic()

    def line(text: str, last: bool) -> None:
        nonlocal printed_at
        if sys.stderr.isatty() or not (last or time.monotonic() - printed_at >= _LINE_EVERY_S):
            return
        printed_at = time.monotonic()
        print(text, file=sys.stderr, flush=True)

    return line
