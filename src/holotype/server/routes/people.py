"""Who is enrolled: list, enroll, forget, and the pictures that are kept."""

from __future__ import annotations

import base64
import io
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from PIL import Image
from starlette.responses import Response

from holotype.errors import ErasurePendingError, ImageError
from holotype.gallery import AuditEntry, Erasure, IdentityRecord, check_label
from holotype.gallery.labels import shown
from holotype.recognizer import Recognizer
from holotype.records import Enrollment
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.routes.asking import Fields
from holotype.server.routing import asked_again, house, route, who

router = APIRouter(tags=["People or things"])
_TYPES = {"PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "MPO", "PPM", "HEIF"}
_REPLAYED = {"idempotent-replay": "true"}


class Enroll(Fields):
    """Beside the pictures."""

    consent: str | None = None
    retain_until: date | None = None
    strict: bool = False
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Identities:
    """One page of the enrolled."""

    identities: tuple[IdentityRecord, ...]
    cursor: str | None  # of the next page; None: this is the last


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of one identity."""

    label: str
    examples: int
    pictures: tuple[int, ...]  # the ids of those whose picture is kept


@route(router, "GET", "/v1/identities", "read", Identities)
async def identities(
    request: Request,
    cursor: Annotated[str | None, Query(description="From the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """The enrolled, in order of first enrollment."""
    records = await house(request).desk.read(lambda at: at.gallery.records())
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
    here = house(request)

    def act(recognizer: Recognizer) -> tuple[Enrollment, bool]:
        images = got.images()

        def add(actor: str) -> Enrollment:
            return recognizer.enroll(
                label,
                *images,
                vectors=got.vectors,
                consent=asked.consent,
                retain_until=asked.retain_until,
                strict=asked.strict,
                anyway=asked.anyway,
                actor=actor,
            )

        def again(line: AuditEntry) -> Enrollment:
            name = check_label(label)
            return Enrollment(name, line.facts["examples"], recognizer.list().get(name, 0))

        repeat = asked_again(request, *got.content())
        if got.vectors is not None and images:
            raise ImageError("both images and vectors were sent", "Send one of them")
        return here.repeats.once(recognizer, repeat, who(request), add, again)

    enrollment, before = await here.desk.embed(act)
    return answer(enrollment, headers=_REPLAYED if before else None)


@route(router, "GET", "/v1/identities/{label:path}/examples", "read", Examples)
async def examples(request: Request, label: str) -> Response:
    """How many examples somebody has, and which of their pictures are kept."""

    def act(recognizer: Recognizer) -> Examples:
        name = _enrolled(recognizer, label)
        found = recognizer.gallery.picture_ids(name)
        return Examples(name, recognizer.list().get(name, 0), found)

    return answer(await house(request).desk.read(act))


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
    here = house(request)

    def act(recognizer: Recognizer) -> tuple[Erasure, bool]:
        def erase(actor: str) -> Erasure:
            return recognizer.forget(_enrolled(recognizer, label), actor=actor)

        def again(line: AuditEntry) -> Erasure:
            return Erasure(line.identity or "", line.facts["examples"], line.at, line.hash)

        return here.repeats.once(recognizer, asked_again(request), who(request), erase, again)

    try:
        receipt, before = await here.desk.read(act)
    except ErasurePendingError as error:
        (receipt,), before = error.receipts, False
    return answer(receipt, 202 if receipt.pending else 200, _REPLAYED if before else None)


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
    return Response(content, media_type=_type_of(content))


def _enrolled(recognizer: Recognizer, label: str) -> str:
    """The label as it is stored."""
    name = check_label(label)
    labels = recognizer.list()
    if name not in labels:
        raise RefusedError(
            404,
            "label",
            f"label {shown(name)} is not among the {len(labels)} enrolled",
            "Enroll it first, or check the spelling",
        )
    return unicodedata.normalize("NFC", name)


def _type_of(content: bytes) -> str:
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
