"""A page as one file that asks nothing of any other address."""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from pathlib import Path

from holotype.errors import DataError
from holotype.files import write_whole


def document(title: str, main: str, footer: str, style: str = "") -> str:
    """The page as HTML.

    Args:
        title: text.
        main: HTML.
        footer: HTML.
        style: CSS that only this page needs.
    """
    shared = resources.files("holotype.pages").joinpath("page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{shared}{style}</style>
</head>
<body>
<main>
{main}
</main>
<footer>
{footer}
</footer>
</body>
</html>
"""


def check_ending(path: Path) -> None:
    """Refuse a name that no browser would open as a page.

    Raises:
        DataError: it does not end in `.html` or `.htm`.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(
            f"the report {str(path)!r} does not end in .html", "Name it, for example, report.html"
        )


def prose(text: str) -> str:
    """A sentence as HTML: commands in their own type, no percent sign alone on a line."""
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
    return text.replace(" %", "&nbsp;%")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Its owner alone may read it: a page may show people.

    Raises:
        OSError: it cannot be written.
    """
    # A file name may hold bytes that are no text; they come out as question marks.
    write_whole(path, text.encode("utf-8", "replace"), private=True)
