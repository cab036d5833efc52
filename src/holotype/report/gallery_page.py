"""The page of `show --report`: who is enrolled, with the pictures that the gallery keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence

from holotype.gallery import ExampleRecord, Gallery, IdentityRecord
from holotype.pages import Pixels, page, readable


def enrolled_page(
    store: Gallery,
    identities: Sequence[IdentityRecord],
    examples: Sequence[ExampleRecord],
    gallery: str,
) -> str:
    """The examples as one page of HTML that asks nothing of any other address.

    Args:
        store: open; its pictures are read.
        identities: in the order of the page.
        examples: of these.
        gallery: what the page calls the gallery.
    """

    def kept(example: int) -> Pixels | None:
        return readable(store.picture(example))

    return page(
        "report/gallery.html",
        gallery=gallery,
        identities=[(one, _facts(one), _noted(one)) for one in identities],
        examples=examples,
        kept=kept,
    )


def _facts(one: IdentityRecord) -> str:
    facts = [f"since {one.created.astimezone().date()}"]
    facts.append("kept without end" if one.retain_until is None else f"until {one.retain_until}")
    facts.append(f"consent: {one.consent}" if one.consent else "no consent noted")
    facts += [f"tagged {', '.join(one.tags)}"] if one.tags else []
    facts += ["not announced"] if one.quiet else []
    return "; ".join(facts)


def _noted(one: IdentityRecord) -> str:
    return json.dumps(dict(one.metadata), ensure_ascii=False) if one.metadata else ""
