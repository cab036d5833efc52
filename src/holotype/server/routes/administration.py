"""What an owner looks after: the state of all, the trail, backups and keys."""

from __future__ import annotations

import re
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Any

from fastapi import Query, Request
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from holotype import recognizer as services
from holotype.gallery import AuditEntry, AuditReport, existing, file_beside, name_of
from holotype.pack import known_packs
from holotype.recognizer import Recognizer
from holotype.served import (
    Backup,
    CameraState,
    GalleryFacts,
    Key,
    NewKey,
    Scope,
    Settings,
    UsablePack,
)
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.keys import MAX_NAME_CHARACTERS
from holotype.server.metrics import CONTENT_TYPE
from holotype.server.routes.identities import enrolled
from holotype.server.routes.recognition import Fields
from holotype.server.routing import Router, cursor_of, house, number_of, route, who

router = Router("Keep")
_CHUNK_BYTES = 2**18
_BACKUP = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


@dataclass(frozen=True, slots=True)
class Health:
    """The server answers."""

    status: str


@dataclass(frozen=True, slots=True)
class Packs:
    """Those that come with holotype, then those that are made on each machine."""

    packs: tuple[UsablePack, ...]


@dataclass(frozen=True, slots=True)
class Trail:
    """One page of the audit trail, newest line first."""

    entries: tuple[AuditEntry, ...]
    cursor: str | None  # of the next page; None: this is the last


@dataclass(frozen=True, slots=True)
class AllKeys:
    """The keys, oldest first."""

    keys: tuple[Key, ...]


class Named(Fields):
    """What a backup is called."""

    name: str = Field(pattern=_BACKUP.pattern)


class Wanted(Fields):
    """A new key."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    scope: Scope


@router.declare(
    "GET", "/v1/health", lambda: {"response_model": Health, "openapi_extra": {"x-scope": ""}}
)
async def health() -> Response:
    """Whether the server answers; the one route that needs no key."""
    return answer({"status": "ok"})


@route(router, "GET", "/v1/ready", "read", Health)
async def ready(request: Request) -> Response:
    """Whether the gallery can be read now."""
    await house(request).desk.read(lambda at: at.gallery.labels())
    return answer({"status": "ready"})


@route(router, "GET", "/metrics", "read", None, media="text/plain")
async def metrics(request: Request) -> Response:
    """Counts for Prometheus; no label of a person is among them."""
    return Response(house(request).metrics.text(), media_type=CONTENT_TYPE)


@route(router, "GET", "/v1/gallery", "read", GalleryFacts)
async def gallery(request: Request) -> Response:
    """What the gallery is, and which rates are guaranteed or estimated in it."""
    desk = house(request).desk

    def act(recognizer: Recognizer) -> dict[str, Any]:
        card = desk.card
        return {
            "name": name_of(desk.path),
            "kind": "vectors" if card is None else card.preprocessing.kind,
            "model": Path(desk.model).name,  # a folder of the server is nobody's concern
            "keep_pictures": recognizer.gallery.keep_pictures,
            "status": asdict(services.status(recognizer)),
            "card": None
            if card is None
            else {
                "name": card.name,
                "model_id": card.model_id,
                "license": card.license,
                "embedding_dim": card.embedding_dim,
                "preprocessing": card.preprocessing.to_json(),
                "background": str(card.background.get("data", "")),
                "cohort": str(card.cohort.get("data", "")),
                "scores": card.scores,
                "promise": card.promise,
                "encoder": card.encoder,
            },
        }

    return answer(await desk.read(act))


@route(router, "GET", "/v1/packs", "read", Packs)
async def packs(request: Request) -> Response:
    """Which models are known here by name; `holotype pack list`."""
    # One call after the other: the first checks every file of every pack.
    return answer({"packs": await house(request).desk.survey(lambda _: _usable())})


def _usable() -> list[UsablePack]:
    found = []
    for one in known_packs():
        card = None if one.pack is None else one.pack.card
        facts = (None,) * 3 if card is None else (card.model_id, card.license, card.embedding_dim)
        found.append(UsablePack(one.name, one.kind, one.reads, not one.remedy, *facts))
    return found


@route(router, "GET", "/v1/settings", "read", Settings)
async def settings(request: Request) -> Response:
    """How the server was started: it is told so on the command line, and nowhere else."""
    outlets = house(request).outlets
    told = outlets.telling
    return answer(
        Settings(
            told.keep_h,
            told.answers,
            told.pictures_h,
            told.inbox_h,
            tuple(CameraState(*one) for one in outlets.connected.items()),
            told.fpir,
            told.mqtt is not None,
        )
    )


@route(router, "GET", "/v1/audit", "read", Trail)
async def audit(
    request: Request,
    cursor: Annotated[str | None, Query(description="From the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Who did what and when, newest first."""
    before = None if cursor is None else number_of(cursor)

    def act(recognizer: Recognizer) -> tuple[AuditEntry, ...]:
        return recognizer.gallery.audit()

    entries = await house(request).desk.read(act)
    older = [one for one in entries if before is None or one.sequence < before]
    page = older[-limit:][::-1]
    more = len(older) > limit
    return answer({"entries": page, "cursor": cursor_of(page[-1].sequence) if more else None})


@route(router, "GET", "/v1/audit/report", "read", AuditReport)
async def audit_report(
    request: Request,
    noted: Annotated[
        str | None, Query(max_length=64, description="A hash that was noted: is it still there?")
    ] = None,
) -> Response:
    """Whether a line of the trail was removed, edited, moved or cut off."""
    return answer(await house(request).desk.read(lambda at: at.gallery.verify_audit(noted)))


@route(router, "POST", "/v1/backup", "admin", Backup, body=Named)
async def backup(request: Request) -> Response:
    """Copy the gallery as it is now; whoever is forgotten later stays in the copy."""
    name = (await sent(request, Named)).fields.name
    path = house(request).desk.path
    folder = file_beside(path, "backups")
    actor = who(request)

    def act(_: Recognizer) -> Backup:
        folder.mkdir(mode=0o700, exist_ok=True)
        place = folder / f"{name}.gallery"  # the pattern of a name lets no path through
        if place.exists():
            raise RefusedError(
                409, "exists", f"there is a backup named {name!r}", "Choose another name"
            )
        with existing(path) as gallery:
            gallery.backup(place, actor=actor)
        return Backup(name, place.stat().st_size)

    return answer(await house(request).desk.read(act))


@route(router, "GET", "/v1/export", "admin", None, media="application/zip")
async def export(request: Request) -> Response:
    """The gallery in an open form; whoever is forgotten later stays in it."""
    return await _exported(request, None)


@route(
    router,
    "GET",
    "/v1/identities/{label:path}/export",
    "admin",
    None,
    media="application/zip",
)
async def export_one(request: Request, label: str) -> Response:
    """All that is held on one person, for that person."""
    return await _exported(request, label)


async def _exported(request: Request, label: str | None) -> Response:
    actor, path = who(request), house(request).desk.path

    def act(recognizer: Recognizer) -> IO[bytes]:
        name = None if label is None else enrolled(recognizer, label).label
        packed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it ends with the answer
        with (
            tempfile.TemporaryDirectory() as folder,
            existing(path) as gallery,
            zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            place = Path(folder) / "export"
            gallery.export(place, name, actor=actor)
            for file in sorted(one for one in place.rglob("*") if one.is_file()):
                archive.write(file, file.relative_to(place))
        packed.seek(0)
        return packed

    packed = await house(request).desk.survey(act)
    return StreamingResponse(
        iter(lambda: packed.read(_CHUNK_BYTES), b""),
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="holotype-export.zip"'},
        background=BackgroundTask(packed.close),
    )


@route(router, "GET", "/v1/keys", "admin", AllKeys)
async def keys(request: Request) -> Response:
    """The keys by name; what they are is shown once, when they are made."""
    return answer({"keys": house(request).keys.all()})


@route(router, "POST", "/v1/keys", "admin", NewKey, body=Wanted)
async def add_key(request: Request) -> Response:
    """Make a key; it is shown this once."""
    wanted = (await sent(request, Wanted)).fields
    return answer(house(request).keys.add(wanted.name, wanted.scope))


@route(router, "DELETE", "/v1/keys/{name}", "admin", Key)
async def revoke_key(request: Request, name: str) -> Response:
    """Let a key be none from now on."""
    found = house(request).keys.revoke(name)
    if found is None:
        raise RefusedError(404, "not_found", "there is no key of that name", "See /v1/keys")
    return answer(found)
