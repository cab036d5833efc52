"""A page as one file that asks nothing of any other address.

Pages are templates beside the modules that fill them. What fills them is text, and escaped, unless
it is `Markup`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from holotype.errors import DataError
from holotype.files import write_whole
from holotype.pages.tiles import meter, tile

if TYPE_CHECKING:
    from jinja2 import Environment


def page(template: str, **values: Any) -> str:
    """A template that extends `pages/page.html`, filled: HTML.

    Args:
        template: below the package, such as `demo/result.html`.
        values: what it names, beside `tile`, `meter` and `prose`.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only who writes a page waits

    environment = Environment(
        loader=PackageLoader("holotype", ""),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(tile=tile, meter=meter)
    environment.filters["prose"] = prose
    return environment


def check_ending(path: Path) -> None:
    """Refuse a name that no browser would open as a page.

    Raises:
        DataError: it does not end in `.html` or `.htm`.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(
            f"the report {str(path)!r} does not end in .html", "Name it, for example, report.html"
        )


def prose(text: str) -> Markup:
    """A sentence as HTML: commands in their own type, no percent sign alone on a line."""
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text)))
    return Markup(text.replace(" %", "&nbsp;%"))  # escaped above


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Its owner alone may read it: a page may show people.

    Raises:
        OSError: it cannot be written.
    """
    # A file name may hold bytes that are no text; they come out as question marks.
    write_whole(path, text.encode("utf-8", "replace"), private=True)
