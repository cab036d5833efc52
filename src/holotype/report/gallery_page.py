"""The page of `show --report`: who is enrolled, with the pictures that the gallery keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.errors import ImageError
from holotype.gallery import ExampleRecord, Gallery, IdentityRecord
from holotype.image import prepare
from holotype.pages import check_ending, document, tile, write

Pixels = NDArray[np.uint8]  # [H, W, 3] RGB


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
    sections = "".join(
        _section(one, [e for e in examples if e.label == one.label], kept) for one in identities
    )
    many = "1 identity" if len(identities) == 1 else f"{len(identities)} identities"
    return document(
        f"holotype: {gallery}",
        f"""<header>
<p class="eyebrow">holotype &middot; show</p>
<h1>{many}, {_examples(len(examples))}.</h1>
<p class="lead">Enrolled in <bdi>{escape(gallery)}</bdi>. The number is the id of an example:
<code>holotype move GALLERY ID LABEL</code> gives it to another,
<code>holotype forget GALLERY --example ID</code> erases it.</p>
</header>
{sections}""",
        "<p>Written by <code>holotype show</code>. The page holds the pictures themselves: keep it "
        "as carefully as them, and erase it with who is forgotten.</p>",
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

    def kept(example: int) -> Pixels | None:
        try:
            pixels = prepare.read(store.picture(example))
        except ImageError:
            return None
        return np.round(255 * pixels).astype(np.uint8).transpose(1, 2, 0)

    write(path, enrolled_page(identities, examples, gallery, kept=kept))
    return path


def _section(
    one: IdentityRecord, examples: Sequence[ExampleRecord], kept: Callable[[int], Pixels | None]
) -> str:
    facts = [f"since {one.created.astimezone().date()}"]
    facts.append("kept without end" if one.retain_until is None else f"until {one.retain_until}")
    facts.append(f"consent: {one.consent}" if one.consent else "no consent noted")
    facts += [f"tagged {', '.join(one.tags)}"] if one.tags else []
    facts += ["not announced"] if one.quiet else []
    noted = f"<p>{escape(json.dumps(dict(one.metadata), ensure_ascii=False))}</p>"
    tiles = "".join(_tile(example, kept) for example in examples)
    return (
        f"<section><h2><bdi>{escape(one.label)}</bdi></h2>"
        f'<p class="soft">{escape("; ".join(facts))}</p>{noted if one.metadata else ""}'
        f'<ul class="sheet">{tiles}</ul></section>'
    )


def _tile(example: ExampleRecord, kept: Callable[[int], Pixels | None]) -> str:
    pixels = kept(example.id) if example.picture else None
    instead = escape(example.description or "no picture")
    picture = (
        f'<div class="tile none">{instead}</div>'
        if pixels is None
        else tile(pixels, f"example {example.id} of {example.label}")
    )
    day = example.created.astimezone().date()
    return f'<li>{picture}<div class="name"><b>{example.id}</b>, {day}</div></li>'


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count} examples"
