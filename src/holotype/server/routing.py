"""How a route is declared: its scope, its body, and what it may answer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Depends, FastAPI, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel
from starlette.responses import Response

from holotype.errors import ErasurePendingError
from holotype.gallery import AuditEntry
from holotype.recognizer import Recognizer
from holotype.served import Key, Scope
from holotype.server.answers import Failure, RefusedError, answer
from holotype.server.callers import Callers
from holotype.server.desk import Desk
from holotype.server.jobs import Jobs
from holotype.server.keys import SCOPES
from holotype.server.metrics import Metrics
from holotype.server.outlets import Outlets
from holotype.server.repeats import MAX_KEY_CHARACTERS, Asked, Repeats
from holotype.server.repeats import request as repeated

_BEARER = HTTPBearer(auto_error=False, description="A key of this server")
_HEADER = APIKeyHeader(name="x-api-key", auto_error=False, description="The same, for programs")

# What every route with a key may answer beside its own.
_FAILURES = {
    401: "No key, or one that is revoked",
    403: "The key has too small a scope, or a page of another origin asks",
    404: "There is no such thing",
    405: "The route does not take this method",
    408: "The body did not arrive in time",
    409: "It cannot be done as things are: the code says why",
    413: "The body is too large",
    415: "The body is of another kind",
    421: "The server is not known under that name",
    422: "Something that was sent cannot be taken: the code says what",
    429: "Too many calls: `retry-after` states for how many seconds",
    500: "A mistake in the server",
    501: "An optional dependency is not installed",
    503: "Not now: come back after the time that `retry-after` states, in seconds",
}
PENDING: dict[int, Any] = {202: Failure}  # gone, but another process still holds the bytes
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own making, new for each change: sent again with the same "
    "one, the change is not made again, whatever happened meanwhile.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what you have looked at: where it is another by now, nothing is "
    "changed.",
    "schema": {"type": "string"},
}
_ALTERED = "It is no longer what you have looked at"
REPLAYED = {"idempotent-replay": "true"}
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
Run = Callable[[Callable[[Recognizer], Any]], Awaitable[Any]]  # `Desk.embed` or `Desk.read`


class Router:
    """The routes under one heading, to be served or to be described.

    FastAPI makes a validator for each answer that a route may have, and needs them for nothing but
    the description: most of the time that a server would take to start.
    """

    def __init__(self, heading: str) -> None:
        self._heading = heading
        self._declared: list[tuple[dict[str, Any], Callable[[], dict[str, Any]]]] = []

    def declare(
        self, method: str, path: str, described: Callable[[], dict[str, Any]], **served: Any
    ) -> Callable[[_Endpoint], _Endpoint]:
        """Keep a route; `described` gives what `FastAPI.add_api_route` takes to describe it."""

        def keep(endpoint: _Endpoint) -> _Endpoint:
            mine = {"path": path, "methods": [method], "endpoint": endpoint, "response_model": None}
            self._declared.append(({**mine, **served}, described))
            return endpoint

        return keep

    def add_to(self, app: FastAPI, *, described: bool) -> None:
        """Let an application have them, with all that is said of them or without."""
        for served, more in self._declared:
            app.add_api_route(**{**served, **(more() if described else {})}, tags=[self._heading])


class House:
    """What the routes share."""

    def __init__(
        self, desk: Desk, callers: Callers, metrics: Metrics, outlets: Outlets, jobs: Jobs
    ) -> None:
        self.desk, self.callers, self.metrics, self.outlets = desk, callers, metrics, outlets
        self.jobs, self.keys = jobs, callers.keys
        self.feed = outlets.feed
        self.repeats = Repeats()


def house(request: Request) -> House:
    """That of the server that was asked."""
    found: House = request.app.state.house
    return found


def who(request: Request) -> str:
    """The name of the client's key."""
    return str(request.state.key_name)


def failures(*but: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer that is no success."""
    return {
        status: {"model": Failure, "description": text}
        for status, text in _FAILURES.items()
        if status not in but
    }


def is_valid(request: Request) -> bool:
    """Whether the key of a call that goes on and on was not revoked meanwhile."""
    return house(request).callers.find(request) is not None


class _Needs:
    """Refuses whoever has no key, or one that may not."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    # On the event loop: the look-up takes less than the way to a thread and back.
    async def __call__(self, request: Request) -> Key:
        key = house(request).callers.require(request)
        request.state.key_name, request.state.key_scope = key.name, key.scope
        require_scope(request, self.scope)
        return key


def require_scope(request: Request, scope: Scope) -> None:
    """Refuse a key of a smaller scope."""
    has = request.state.key_scope
    if SCOPES.index(has) < SCOPES.index(scope):
        raise RefusedError(
            403,
            "forbidden",
            f"this needs a key of scope {scope!r}; {who(request)!r} has {has!r}",
            "Ask with another key",
        )


def route(
    router: Router,
    method: str,
    path: str,
    scope: Scope,
    answers: Any,
    *,
    body: type[BaseModel] | None = None,
    pictures: str = "",
    vectors: bool = False,
    changes: bool = False,
    guarded: bool = False,
    status: dict[int, Any] | None = None,
    media: str = "",
    stream: bool = False,
    archive: bool = False,
    parts: tuple[str, ...] = (),
    instead: bool = False,
) -> Callable[[_Endpoint], _Endpoint]:
    """Declare a route.

    Args:
        router: to which it belongs.
        method: of HTTP.
        path: with its parameters in braces.
        scope: the smallest that a key needs.
        answers: the model of what it says; None where `media` is not JSON.
        body: the fields that it takes, beside pictures and vectors.
        pictures: what the pictures are, where it takes any.
        vectors: whether embeddings may take the place of pictures.
        changes: whether it takes an `Idempotency-Key`.
        guarded: whether it takes an `If-Match`.
        status: the models of what it says with another status than 200.
        media: the type of what it says, where that is not JSON.
        stream: whether it goes on and on for who accepts `text/event-stream`.
        archive: whether a ZIP may take the place of pictures.
        parts: the names of the pictures, which may come as JSON in base64 instead.
        instead: whether it begins a job, and never says 200.
    """
    needs = Depends(_Needs(scope))

    def described() -> dict[str, Any]:
        extra: dict[str, Any] = {"x-scope": scope}
        if body is not None:
            extra["requestBody"] = _body(body, pictures, vectors, archive)
        if parts:
            extra["requestBody"] = _named(parts)
        taken = [*([_IDEMPOTENCY] if changes else []), *([_IF_MATCH] if guarded else [])]
        if taken:
            extra["parameters"] = taken
        responses = failures()
        if guarded:
            responses[412] = {"model": Failure, "description": _ALTERED}
        for code, other in (status or {}).items():
            text = "Gone, but the bytes are still in the file: another process reads it"
            if instead:
                text = "Begun: `location` is where to look"
            if code == 400:
                text = "The picture shows no face"
            responses[code] = {"model": other, "description": text}
        if instead:
            pass
        elif media:
            responses[200] = {
                "content": {media: {"schema": {"type": "string", "format": "binary"}}},
                "description": "As it was given",
            }
        else:
            responses[200] = {"model": answers}
        if stream:
            responses[200]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
        dependencies = [needs, Security(_BEARER), Security(_HEADER)]
        return {"responses": responses, "openapi_extra": extra, "dependencies": dependencies}

    return router.declare(
        method,
        path,
        described,
        status_code=202 if instead else None,
        dependencies=[needs],
    )


def _body(
    model: type[BaseModel], pictures: str, vectors: bool, archive: bool = False
) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema.pop("title", None)
    schema["additionalProperties"] = False
    content: dict[str, Any] = {}
    if pictures:
        files = {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": pictures,
        }
        properties = {"images": files, **schema.get("properties", {})}
        if archive:
            properties["archive"] = {
                "type": "string",
                "format": "binary",
                "description": "A ZIP of a folder for each label, in place of pictures and labels",
            }
        content["multipart/form-data"] = {"schema": {**schema, "properties": properties}}
    if vectors:
        numbers = {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}},
            "description": "Embeddings, one list for each, in place of pictures",
        }
        properties = {"vectors": numbers, **schema.get("properties", {})}
        content["application/json"] = {"schema": {**schema, "properties": properties}}
    elif not pictures or model.model_fields:
        content.setdefault("application/json", {"schema": schema})
    if pictures and not vectors:
        content = {"multipart/form-data": content["multipart/form-data"]}
    return {"content": content, "required": True}


def asked_once(request: Request, content: Callable[[], list[bytes | str]]) -> Asked | None:
    """What names a call that may be sent again; None where it has no `Idempotency-Key`.

    Raises:
        RefusedError: that is too long or empty.
    """
    key = _key(request)
    if key is None:
        return None
    return repeated(who(request), key, request.method, request.url.path, *content())


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise RefusedError(
            422,
            "form",
            f"the Idempotency-Key has {len(key)} characters, not 1 to {MAX_KEY_CHARACTERS}",
            "Make one of a random UUID",
        )
    return key


def _named(parts: tuple[str, ...]) -> dict[str, Any]:
    def schema(one: dict[str, str]) -> dict[str, Any]:
        properties = dict.fromkeys(parts, one)
        return {"type": "object", "properties": properties, "required": [*parts]}

    content = {
        "multipart/form-data": {"schema": schema({"type": "string", "format": "binary"})},
        "application/json": {"schema": schema({"type": "string", "contentEncoding": "base64"})},
    }
    return {"content": content, "required": True}


async def change(
    request: Request,
    run: Run,
    act: Callable[[Recognizer, str], Any],
    again: Callable[[Recognizer, AuditEntry], Any],
    content: Callable[[], list[bytes | str]] | None = list,
) -> Response:
    """Do what a call asks, once, and answer.

    Args:
        request: the call.
        run: where.
        act: is given the actor.
        again: what to answer from the line of a change that was made before.
        content: all that was sent; None: this call changes nothing, whatever its key.

    Raises:
        RefusedError: its `Idempotency-Key` is too long or empty, or was used for something else.
    """
    name, repeats = who(request), house(request).repeats
    _key(request)  # refused before anything is done

    def once(recognizer: Recognizer) -> tuple[Any, bool]:
        asked = None if content is None else asked_once(request, content)
        return repeats.once(
            recognizer,
            asked,
            name,
            lambda actor: act(recognizer, actor),
            lambda line: again(recognizer, line),
        )

    try:
        done, before = await run(once)
    except ErasurePendingError as error:
        if not error.receipts:
            raise
        (done,), before = error.receipts, False
    return answer(
        done, 202 if getattr(done, "pending", False) else 200, REPLAYED if before else None
    )


def etag(value: Any) -> str:
    """What names a record as it is now: it is another one as soon as anything of it is."""
    return f'"{hashlib.sha256(answer(value).body).hexdigest()[:32]}"'


def require_unaltered(request: Request, value: Any) -> None:
    """Refuse to change what is another than the one that the client has looked at.

    Raises:
        RefusedError: it has another `ETag` than the call's `If-Match`.
    """
    given = request.headers.get("if-match")
    seen = [one.strip() for one in (given or "*").split(",")]
    if "*" not in seen and etag(value) not in seen:
        raise RefusedError(412, "altered", _ALTERED[0].lower() + _ALTERED[1:], "Look again")


def cursor_of(number: int) -> str:
    """A place in a list, which clients hand back and do not look into."""
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def number_of(cursor: str) -> int:
    """The place that a cursor stands for.

    Raises:
        RefusedError: it is none of this server.
    """
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise ValueError
    except ValueError:
        raise RefusedError(
            422, "cursor", "the cursor is none of this server", "Begin without one"
        ) from None
    return int(text)
