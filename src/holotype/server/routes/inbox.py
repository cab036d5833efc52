"""The inbox: who came by and got no match, to be named, turned away, or thrown away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from holotype.gallery import AuditEntry, check_label
from holotype.gallery.inbox import Entry
from holotype.recognizer import Recognizer
from holotype.recognizer.visitors import Visitors
from holotype.records import Enrollment, Reviewed, Visitor
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.routes.identities import type_of
from holotype.server.routes.recognition import Fields
from holotype.server.routes.trust import reviewed_again
from holotype.server.routing import Router, Run, change, cursor_of, house, number_of, route

router = Router("Inbox")


class Shows(Fields):
    """Whom a picture shows."""

    label: str


class New(Shows):
    """A new identity."""

    consent: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One page of the visitors, the last one first."""

    hours: float | None  # for which they are kept; None: the inbox is switched off
    visitors: tuple[Visitor, ...]
    recognized: int  # pictures that left since the last look, because they are recognized now
    cursor: str | None  # of the next page; None: this is the last


@dataclass(frozen=True, slots=True)
class Erased:
    """What is gone."""

    erased: int  # pictures


@route(router, "GET", "/v1/inbox", "enroll", Waiting)
async def inbox(
    request: Request,
    cursor: Annotated[str | None, Query(description="From the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Who came by and got no match, and is not named yet; each visitor once."""
    before = None if cursor is None else number_of(cursor)
    kept = house(request).outlets.visitors
    if kept is None:
        return answer(Waiting(None, (), 0, None))
    visitors, recognized = await house(request).desk.read(kept.waiting)
    older = [one for one in visitors if before is None or one.number < before]
    page = tuple(older[:limit])
    more = cursor_of(page[-1].number) if len(older) > limit else None
    return answer(Waiting(kept.hours, page, recognized, more))


@route(router, "GET", "/v1/inbox/{picture}/picture", "enroll", None, media="image/*")
async def picture(request: Request, picture: str) -> Response:
    """One picture of a visitor."""
    kept = _kept(request)
    content = await house(request).desk.read(lambda _: kept.picture(picture))
    if content is None:
        raise _nobody()
    return Response(content, media_type=type_of(content))


@route(router, "POST", "/v1/inbox/{picture}/name", "enroll", Reviewed, body=Shows, changes=True)
async def name(request: Request, picture: str) -> Response:
    """This is one of the enrolled: the picture becomes an example, and the visitor leaves.

    It is feedback on the decision, and refuses and doubts as that does.
    """
    label = check_label((await sent(request, Shows)).fields.label)

    def act(recognizer: Recognizer, entry: Entry, actor: str) -> Reviewed:
        return _kept(request).name(recognizer, entry, label, actor)

    return await _settle(request, picture, act, reviewed_again, label)


@route(router, "POST", "/v1/inbox/{picture}/enroll", "enroll", Enrollment, body=New, changes=True)
async def enroll(request: Request, picture: str) -> Response:
    """This is somebody new: enrolled under a label that nobody has, and the visitor leaves."""
    asked = (await sent(request, New)).fields
    label = check_label(asked.label)

    def act(recognizer: Recognizer, entry: Entry, actor: str) -> Enrollment:
        return _kept(request).enroll(recognizer, entry, label, asked.consent, actor)

    def again(recognizer: Recognizer, line: AuditEntry) -> Enrollment:
        return Enrollment(label, line.facts["examples"], recognizer.list().get(label, 0))

    return await _settle(request, picture, act, again, label, asked.consent or "")


@route(router, "POST", "/v1/inbox/{picture}/stranger", "enroll", Reviewed, changes=True)
async def stranger(request: Request, picture: str) -> Response:
    """This is not one of ours: whoever looks like it is turned away, and the visitor leaves."""

    def act(recognizer: Recognizer, entry: Entry, actor: str) -> Reviewed:
        return _kept(request).turn_away(recognizer, entry, actor)

    return await _settle(request, picture, act, reviewed_again)


@route(router, "POST", "/v1/inbox/{picture}/dismiss", "enroll", Erased)
async def dismiss(request: Request, picture: str) -> Response:
    """Never mind: the pictures are erased, and the visitor stays out while these were kept."""
    return await _erase(request, picture, Visitors.hide)


@route(router, "DELETE", "/v1/inbox/{picture}", "enroll", Erased)
async def throw_away(request: Request, picture: str) -> Response:
    """Erase all pictures of the visitor, who is a new one next time."""
    return await _erase(request, picture, Visitors.erase)


async def _settle(
    request: Request,
    picture: str,
    act: Callable[[Recognizer, Entry, str], Any],
    again: Callable[[Recognizer, AuditEntry], Any],
    *content: bytes | str,
) -> Response:
    """Change the gallery by a picture, once."""
    kept = _kept(request)

    def first(recognizer: Recognizer, actor: str) -> Any:
        entry = kept.find(picture)
        if entry is None:
            raise _nobody()
        return act(recognizer, entry, actor)

    def second(recognizer: Recognizer, line: AuditEntry) -> Any:
        if (entry := kept.find(picture)) is not None:  # it ended in between
            kept.erase(entry)
        return again(recognizer, line)

    run: Run = house(request).desk.embed
    return await change(request, run, first, second, lambda: [*content])


async def _erase(request: Request, picture: str, by: Callable[[Visitors, Entry], int]) -> Response:
    """What was erased before is no more now: sent again, it is the same."""
    kept = _kept(request)

    def act(_: Recognizer) -> Erased:
        entry = kept.find(picture)
        return Erased(0 if entry is None else by(kept, entry))

    return answer(await house(request).desk.read(act))


def _kept(request: Request) -> Visitors:
    kept = house(request).outlets.visitors
    if kept is None:
        raise RefusedError(
            404, "off", "the inbox is switched off", "Start the server with --inbox HOURS"
        )
    return kept


def _nobody() -> RefusedError:
    return RefusedError(404, "not_found", "there is no such picture", "See /v1/inbox")
