"""The page of `show --report`: who is enrolled, with the pictures that the gallery keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from holotype.gallery import ExampleRecord, Gallery, IdentityRecord
from holotype.pages import Pixels, check_ending, page, readable, write


def enrolled_page(
    identities: Sequence[IdentityRecord],
    examples: Sequence[ExampleRecord],
    gallery: str,
    *,
    kept: Callable[[int], Pixels | None],
) -> str:
    """The examples as one page of HTML that asks nothing of any other address.

    Args:
        identities: in the order of the page.
        examples: of these.
        gallery: what the page calls the gallery.
        kept: id of an example -> its picture, or None where none can be shown; asked for those
            that keep one.
    """
    return page(
        "report/gallery.html",
        gallery=gallery,
        identities=[(one, _facts(one), _noted(one)) for one in identities],
        examples=examples,
        kept=kept,
    )


def write_enrolled(
    store: Gallery,
    identities: Sequence[IdentityRecord],
    examples: Sequence[ExampleRecord],
    path: Path,
    *,
    gallery: str,
) -> Path:
    """Write the page of a gallery's examples, whole or not at all.

    Args:
        store: open; its pictures are read.
        identities: in the order of the page.
        examples: of these.
        path: of the page, ending in `.html` or `.htm`; a file that is there is replaced.
        gallery: what the page calls the gallery.

    Raises:
        DataError: the path has another ending.
        OSError: it cannot be written.
    """
    check_ending(path)

    write(
        path,
        enrolled_page(
            identities, examples, gallery, kept=lambda example: readable(store.picture(example))
        ),
    )
    return path


def _facts(one: IdentityRecord) -> str:
    facts = [f"since {one.created.astimezone().date()}"]
    facts.append("kept without end" if one.retain_until is None else f"until {one.retain_until}")
    facts.append(f"consent: {one.consent}" if one.consent else "no consent noted")
    facts += [f"tagged {', '.join(one.tags)}"] if one.tags else []
    facts += ["not announced"] if one.quiet else []
    return "; ".join(facts)


def _noted(one: IdentityRecord) -> str:
    return json.dumps(dict(one.metadata), ensure_ascii=False) if one.metadata else ""
