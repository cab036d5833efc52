"""What happened: page by page, as it comes, and the picture of who came by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from holotype.errors import HolotypeError
from holotype.recognizer import Recognizer
from holotype.served import Happened, Happenings
from holotype.server.answers import RefusedError, answer, as_json
from holotype.server.event_stream import Feed, Listener
from holotype.server.routing import Router, house, is_valid, route

router = Router("Events")
HEARTBEAT_S = 15.0  # proxies close what is silent for longer, most of them after a minute
STREAM = "text/event-stream"
_PAGE = 100
_AGAIN_S = 1.0


@route(router, "GET", "/v1/events", "read", Happenings, stream=True)
async def events(
    request: Request,
    after: Annotated[
        str | None, Query(description="The id of an event: those after it. Else the last ones")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = _PAGE,
) -> Response:
    """What happened, oldest first. With `Accept: text/event-stream`, on and on as it happens.

    The stream goes on after `Last-Event-ID`, which browsers send by themselves when they connect
    again; without one it begins with what happens next.
    """
    feed = house(request).feed
    after = request.headers.get("last-event-id") or after
    number = None if after is None else feed.events.number_of(after)
    if after is not None and number is None:
        raise RefusedError(
            422, "cursor", "there is no event of that id", "Send the id of an event, or none"
        )
    if STREAM in request.headers.get("accept", ""):
        begin = feed.events.last() if number is None else number
        return StreamingResponse(_stream(request, feed, feed.listen(), begin), media_type=STREAM)

    def act(recognizer: Recognizer) -> dict[str, Any]:
        end = feed.events.last()
        found = feed.events.latest(limit) if number is None else feed.events.after(number, limit)
        cursor = found[-1].id if found else feed.events.id_of(end)
        return {"events": feed.told(recognizer, found), "cursor": cursor}

    return answer(await feed.desk.read(act))


async def _stream(
    request: Request, feed: Feed, listener: Listener, number: int
) -> AsyncIterator[bytes]:
    """The events after one, each time there are new ones; in between, signs of life."""
    with listener:
        yield b": holotype\n\n"
        while not feed.closing and is_valid(request):

            def act(recognizer: Recognizer, since: int = number) -> tuple[list[Happened], int]:
                found = feed.events.after(since, _PAGE)
                return feed.told(recognizer, found), found[-1].number if found else since

            try:
                told, number = await feed.desk.read(act)
            except (HolotypeError, RefusedError):  # not now
                await listener.wait(_AGAIN_S)
                continue
            for one in told:
                yield b"id: %s\ndata: %s\n\n" % (one.id.encode(), as_json(one))
            if not told and not await listener.wait(HEARTBEAT_S):
                yield b": \n\n"


@route(router, "GET", "/v1/events/{event}/picture", "read", None, media="image/*")
async def picture(request: Request, event: str) -> Response:
    """The best picture of who came by a camera, as long as it is kept."""
    feed = house(request).feed
    number = feed.events.number_of(event)
    content = await feed.desk.read(lambda _: number and feed.events.picture(number))
    if not content:
        raise RefusedError(
            404, "not_found", "no picture of such an event is kept", "See /v1/events"
        )
    return Response(content, media_type="image/jpeg")
