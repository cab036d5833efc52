"""Who is enrolled: list, enroll, forget, and the pictures that are kept."""

from __future__ import annotations

import base64
import io
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query, Request
from PIL import Image
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from holotype.gallery import AuditEntry, Erasure, ExampleRecord, IdentityRecord, check_label
from holotype.gallery.labels import shown
from holotype.recognizer import Recognizer
from holotype.records import Enrollment
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.routes.recognition import Fields
from holotype.server.routing import Router, change, etag, house, route

router = Router("People or things")
_PLACE = b"/v1/identities/"
# What has an address of its own below that of an identity, and the methods that it takes.
_PARTS = {b"examples": "GET, POST", b"export": "GET", b"merge": "POST", b"rename": "POST"}
_TYPES = {"PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "MPO", "PPM", "HEIF"}


class Enroll(Fields):
    """Beside the pictures."""

    text: list[str] = Field([], description="What a picture of it shows, where the model has a "
                            "text side; each is an example as well")  # fmt: skip
    consent: str | None = None
    retain_until: date | None = None
    tags: list[str] = Field([])
    strict: bool = False
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Identities:
    """One page of the enrolled."""

    identities: tuple[IdentityRecord, ...]
    cursor: str | None  # of the next page; None: this is the last


@dataclass(frozen=True, slots=True)
class Examples:
    """One identity with its examples."""

    label: str
    examples: int
    pictures: tuple[int, ...]  # the ids of those whose picture is kept
    identity: IdentityRecord
    stored: tuple[ExampleRecord, ...]  # oldest first


@route(router, "GET", "/v1/identities", "read", Identities)
async def identities(
    request: Request,
    cursor: Annotated[str | None, Query(description="From the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    tag: Annotated[str | None, Query(description="Those alone who have it")] = None,
    find: Annotated[str | None, Query(description="Those alone whose label holds this")] = None,
) -> Response:
    """The enrolled, in order of first enrollment."""
    wanted = "" if find is None else unicodedata.normalize("NFC", find).casefold()
    records = tuple(
        one
        for one in await house(request).desk.read(lambda at: at.gallery.records())
        if (tag is None or tag in one.tags) and wanted in one.label.casefold()
    )
    start = 0 if cursor is None else _after(records, cursor)
    page = records[start : start + limit]
    more = start + limit < len(records)
    return answer({"identities": page, "cursor": _cursor(page[-1]) if more else None})


@route(
    router,
    "POST",
    "/v1/identities/{label:path}/examples",
    "enroll",
    Enrollment,
    body=Enroll,
    pictures="Examples of it",
    vectors=True,
    changes=True,
)
async def enroll(request: Request, label: str) -> Response:
    """Add examples: all of them are durable with the answer, or none."""
    got = await sent(request, Enroll)
    asked = got.fields

    def add(recognizer: Recognizer, actor: str) -> Enrollment:
        return recognizer.enroll(
            label,
            *got.one_kind(),
            vectors=got.vectors,
            descriptions=asked.text,
            consent=asked.consent,
            retain_until=asked.retain_until,
            tags=asked.tags,
            strict=asked.strict,
            anyway=asked.anyway,
            actor=actor,
        )

    def again(recognizer: Recognizer, line: AuditEntry) -> Enrollment:
        name = check_label(label)
        return Enrollment(name, line.facts["examples"], recognizer.list().get(name, 0))

    return await change(request, house(request).desk.embed, add, again, got.content)


@route(router, "GET", "/v1/identities/{label:path}/examples", "read", Examples)
async def examples(request: Request, label: str) -> Response:
    """Somebody with all examples; the `ETag` is that of the identity, for `If-Match`."""

    def act(recognizer: Recognizer) -> Examples:
        one = enrolled(recognizer, label)
        stored = recognizer.gallery.examples(one.label)
        return Examples(
            one.label, one.examples, tuple(each.id for each in stored if each.picture), one, stored
        )

    found = await house(request).desk.read(act)
    return answer(found, headers={"etag": etag(found.identity)})


@route(
    router,
    "DELETE",
    "/v1/identities/{label:path}",
    "enroll",
    Erasure,
    changes=True,
    status={202: Erasure},
)
async def forget(request: Request, label: str) -> Response:
    """Erase somebody with all examples; the receipt is stored nowhere else."""
    require_whole(request)

    def erase(recognizer: Recognizer, actor: str) -> Erasure:
        return recognizer.forget(enrolled(recognizer, label).label, actor=actor)

    return await change(request, house(request).desk.read, erase, receipt_again)


def require_whole(request: Request) -> None:
    """Refuse what addresses a part of an identity, where somebody might have the rest as a label.

    A slash in a label is sent as `%2F`, which the router has undone by now.

    Raises:
        HTTPException: 405.
    """
    label, _, last = request.scope["raw_path"].removeprefix(_PLACE).rpartition(b"/")
    if label and last in _PARTS:
        raise HTTPException(405, headers={"allow": _PARTS[last]})


@route(router, "GET", "/v1/examples/{example}/picture", "read", None, media="image/*")
async def picture(request: Request, example: int) -> Response:
    """The picture of an example, where it is kept."""

    def act(recognizer: Recognizer) -> bytes:
        if not 0 < example < 2**63 or example not in recognizer.gallery.picture_ids():
            raise RefusedError(
                404,
                "not_found",
                f"no picture of an example {example} is kept",
                "Ask for the examples of an identity first",
            )
        return recognizer.gallery.picture(example)

    content = await house(request).desk.read(act)
    return Response(content, media_type=type_of(content))


def enrolled(recognizer: Recognizer, label: str) -> IdentityRecord:
    """Who has a label."""
    name = check_label(label)
    records = recognizer.gallery.records()
    for one in records:
        if one.label == name:
            return one
    raise RefusedError(
        404,
        "label",
        f"label {shown(name)} is not among the {len(records)} enrolled",
        "Enroll it first, or check the spelling",
    )


def receipt_again(_: Recognizer, line: AuditEntry) -> Erasure:
    """The receipt of an erasure, from its line."""
    return Erasure(line.identity or "", line.facts["examples"], line.at, line.hash)


def type_of(content: bytes) -> str:
    """As its own first bytes say; what no browser should guess about has no type."""
    try:
        with Image.open(io.BytesIO(content)) as found:
            kind = found.format or ""
    except Exception:  # whatever Pillow makes of it
        kind = ""
    return (
        Image.MIME.get(kind, "application/octet-stream")
        if kind in _TYPES
        else ("application/octet-stream")
    )


def _cursor(record: IdentityRecord) -> str:
    return base64.urlsafe_b64encode(f"{record.created.isoformat()} {record.id}".encode()).decode()


def _after(records: tuple[IdentityRecord, ...], cursor: str) -> int:
    """Where the next page begins, also where the last of the one before is forgotten by now."""
    try:
        created, _, name = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
    except ValueError:
        created = name = ""
    if not name:
        raise RefusedError(422, "cursor", "the cursor is none of this server", "Begin without one")
    for place, record in enumerate(records):
        if record.id == name:
            return place + 1
    later = [place for place, one in enumerate(records) if one.created.isoformat() > created]
    return later[0] if later else len(records)
