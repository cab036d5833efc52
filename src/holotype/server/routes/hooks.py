"""Webhooks: who gets events by HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from holotype.errors import ServingError
from holotype.served import DeadLetter, Hook, HookState, NewHook, Resent
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.keys import MAX_NAME_CHARACTERS
from holotype.server.routes.recognition import Fields
from holotype.server.routing import Router, house, route

router = Router("Events")


@dataclass(frozen=True, slots=True)
class AllHooks:
    """The webhooks, oldest first."""

    webhooks: tuple[HookState, ...]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """What a webhook did not get, newest first."""

    dead_letters: tuple[DeadLetter, ...]


class WantedHook(Fields):
    """A new webhook."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    url: str = Field(max_length=2000, description="https, and on the internet")


@route(router, "GET", "/v1/webhooks", "admin", AllHooks)
async def webhooks(request: Request) -> Response:
    """The webhooks; their secrets are shown once, when they are made."""
    outlets = house(request).outlets
    found = [
        HookState(
            one.name,
            one.url,
            one.created,
            one.inside,
            outlets.waits(one.name),
            len(outlets.hooks.dead(one.name)),
        )
        for one in outlets.hooks.all()
    ]
    return answer({"webhooks": found})


@route(router, "POST", "/v1/webhooks", "admin", NewHook, body=WantedHook)
async def add_webhook(request: Request) -> Response:
    """Send all events there from now on, signed; the secret is shown this once.

    Only to https on the internet: a receiver in your own network is named where the server is
    started, with `--webhook`.
    """
    wanted = (await sent(request, WantedHook)).fields
    outlets = house(request).outlets
    try:
        made = await house(request).desk.read(
            lambda _: outlets.add_hook(wanted.name, wanted.url, inside=False)
        )
    except ServingError as error:
        raise RefusedError(422, "url", error.problem, error.remedy) from error
    return answer(made)


@route(router, "DELETE", "/v1/webhooks/{name}", "admin", Hook)
async def remove_webhook(request: Request, name: str) -> Response:
    """Send nothing there from now on."""
    outlets = house(request).outlets
    found = await house(request).desk.read(lambda _: outlets.remove_hook(name))
    if found is None:
        raise _nobody()
    return answer(found)


@route(router, "GET", "/v1/webhooks/{name}/dead-letters", "admin", DeadLetters)
async def dead_letters(request: Request, name: str) -> Response:
    """The last events that it did not get, and why."""
    hooks = house(request).outlets.hooks
    if all(one.name != name for one in hooks.all()):
        raise _nobody()
    return answer({"dead_letters": hooks.dead(name)})


@route(router, "POST", "/v1/webhooks/{name}/dead-letters/resend", "admin", Resent)
async def resend(request: Request, name: str) -> Response:
    """Send the last 100 of them once more, as far as the events are still kept."""
    outlets = house(request).outlets
    if all(one.name != name for one in outlets.hooks.all()):
        raise _nobody()
    sent, left = await house(request).desk.read(lambda _: outlets.resend(name))
    return answer(Resent(sent, left))


def _nobody() -> RefusedError:
    return RefusedError(404, "not_found", "there is no webhook of that name", "See /v1/webhooks")
