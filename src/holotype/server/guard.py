"""What stands before every route: whom we are called by, how much is read, and what is noted.

A picture, a label or a key never gets into a log: a line has the pattern of the route, not the
path, and the name of the key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Collection, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holotype.server.answers import RefusedError, failed
from holotype.server.forms import MAX_BODY_BYTES, too_large
from holotype.server.metrics import Metrics

BODY_S = 30.0  # within which a body has to arrive
LOG = logging.getLogger("holotype.server")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=()",
}


class Guard:
    """An ASGI application around another.

    Args:
        app: the routes.
        hosts: the names that we are called by; others are refused, so that no page of elsewhere
            that lets its name point here can speak with us (DNS rebinding).
        metrics: counts.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], metrics: Metrics) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        begun, status, where = time.perf_counter(), 0, ""

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id, scope["path"])
            await send(message)

        try:
            refused = self._refused(headers)
            if refused is None:
                await self._app(scope, _limited(headers, receive), sending)
            else:
                await failed(
                    refused.status, refused.code, refused.problem, refused.remedy, request_id
                )(scope, receive, sending)
        except Exception as error:  # it is answered; here it is told
            where = _where(error)
            if not status:
                await failed(500, "internal", *INTERNAL, request_id)(scope, receive, sending)
        finally:
            form = scope["state"].pop("form", None)
            if form is not None:
                await form.close()
            took = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", "")
            self._metrics.note(scope["method"], route, status, took)
            _log(scope, request_id, route, status, took, where)

    def _refused(self, headers: Headers) -> RefusedError | None:
        hosts = headers.getlist("host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if _name(host) not in self._hosts:
            return RefusedError(
                421,
                "host",
                "this server is not known under the name in the Host header",
                "Call it by its own address, or start it with `--allow-host NAME`",
            )
        origin = headers.get("origin")
        if (origin is not None and urlsplit(origin).netloc.lower() != host) or headers.get(
            "sec-fetch-site"
        ) in ("cross-site", "same-site"):
            return RefusedError(
                403,
                "origin",
                "a page of another origin asks",
                "Open the page of this server, or ask from a program",
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            return too_large(MAX_BODY_BYTES)
        return None


INTERNAL = (
    "a mistake in holotype, and the call was not finished",
    "Report it with the request id; the log of the server says where it happened",
)


def _name(host: str) -> str:
    """Without the port: `[::1]:8470` -> `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and ":" in host else host


def _limited(headers: Headers, receive: Receive) -> Receive:
    """The body up to its limits of size and time."""
    size, until, whole = 0, time.monotonic() + BODY_S, False

    async def limited() -> Message:
        nonlocal size, whole
        if whole:  # what comes is that the client goes away
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(until - time.monotonic(), 0.001))
        except TimeoutError:
            raise RefusedError(
                408,
                "too_slow",
                f"the body did not arrive within {BODY_S:.0f} seconds",
                "Send it again, over a faster line or with smaller pictures",
                {"connection": "close"},
            ) from None
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES)
        whole = not message.get("more_body", False)
        return message

    return limited


def _add_headers(message: MutableMapping[str, Any], request_id: str, path: str) -> None:
    headers = MutableHeaders(raw=message["headers"])
    message["headers"] = headers.raw
    headers["x-request-id"] = request_id
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-store" if path.startswith("/v1") else "no-cache")


def _where(error: BaseException) -> str:
    """The kind of an error and where it arose; not what it says, which may name people."""
    lines = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(lines))
    return f"{type(error).__name__} at {places}"


def _log(scope: Scope, request_id: str, route: str, status: int, took_s: float, where: str) -> None:
    client = scope.get("client")
    LOG.log(
        logging.ERROR if where else logging.INFO,
        "request",
        extra={
            "facts": {
                "request_id": request_id,
                "key": scope["state"].get("key_name"),
                "client": client[0] if client else None,
                "method": scope["method"],
                "route": route,
                "status": status,
                "ms": round(1000 * took_s, 1),
                **({"error": where} if where else {}),
            }
        },
    )


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, what happened, and its facts."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _where(record.exc_info[1])
        return json.dumps(line)
