"""The command that shows what holotype does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holotype.cli.display import AsJson, print_json, print_table, say
from holotype.cli.progress import bars


def demo(
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("holotype-demo.html"),
    as_json: AsJson = False,
) -> None:
    """Recognize characters from one drawing each, turn strangers away, and write a page about it.

    Example: `holotype demo --out demo.html`
    """
    from holotype import demo

    with bars() as report:
        result = demo.run(report)
    page = demo.write_page(result, out)
    if as_json:
        print_json({**result.to_json(), "page": str(page)})
        return
    for title, rows in demo.tables(result):
        if rows:
            print_table(demo.HEADINGS, rows, numbers=demo.HEADINGS, title=title)
    for sentence in demo.words(result):
        say(sentence)
        say("")
    say(f"Measured in {result.seconds:.0f} seconds. The drawings are in {page}")
