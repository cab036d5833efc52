"""The routes and the page as one ASGI application."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from holotype.errors import HolotypeError
from holotype.server.answers import RefusedError, failed, failed_as
from holotype.server.callers import Callers
from holotype.server.desk import Desk
from holotype.server.guard import INTERNAL, Guard
from holotype.server.jobs import Jobs
from holotype.server.metrics import Metrics
from holotype.server.outlets import Outlets
from holotype.server.routes import (
    administration,
    compreface,
    edits,
    happening,
    hooks,
    identities,
    inbox,
    jobs,
    recognition,
    sample,
    trust,
)
from holotype.server.routing import House

PAGE = Path(__file__).parent / "page"
_API = ("/v1", "/api/v1", "/metrics", "/openapi.json")
_CODES = {404: "not_found", 405: "method_not_allowed", 400: "form"}
_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>holotype: the API</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>
</body></html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true,
});
"""


def api(house: House | None = None) -> FastAPI:
    """The routes; without a house, only to be described."""
    from importlib.metadata import version

    app = FastAPI(
        title="holotype",
        summary="One example defines a class, and from then on the class is recognized.",
        version=version("holotype"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        exception_handlers=_HANDLERS,
        redirect_slashes=False,
    )
    for part in (
        recognition,
        identities,
        sample,
        edits,
        trust,
        inbox,
        happening,
        hooks,
        jobs,
        administration,
        compreface,
    ):
        part.router.add_to(app, described=house is None)
    app.state.house = house
    app.add_route("/openapi.json", _description)
    return app


@cache
def description() -> dict[str, Any]:
    """What the API is, as OpenAPI."""
    return api().openapi()


def _description(request: Request) -> Response:
    return JSONResponse(description())


def application(
    desk: Desk, callers: Callers, outlets: Outlets, work: Jobs, hosts: Collection[str]
) -> ASGIApp:
    """All that is served: `/v1`, `/metrics`, the description, its page, and the page.

    Args:
        desk: the gallery.
        callers: who may.
        outlets: who is told of what happens.
        work: the jobs.
        hosts: the names that the server is called by.
    """
    metrics = Metrics()
    metrics.watch("holotype_calls_waiting", "Calls that are not answered", lambda: desk.waiting)
    routes, page = api(House(desk, callers, metrics, outlets, work)), _page()

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith("/api/v1/") and path.endswith("/"):  # as its programs have it
            scope["path"] = path.rstrip("/")
        ours = scope["type"] != "http" or path.startswith(_API)
        await (routes if ours else page)(scope, receive, send)

    return Guard(both, hosts, metrics)


def _page() -> Starlette:
    """The page, and the one that shows the API: files, and nothing else."""
    mounts: list[Any] = []
    try:
        swagger = resources.files("fastapi_offline") / "static"
    except ModuleNotFoundError:
        swagger = None
    if swagger is not None:
        mounts += [
            Route("/docs", _docs),
            Route("/docs/start.js", _start),
            Mount("/docs", StaticFiles(directory=str(swagger))),
        ]
    if PAGE.is_dir():
        mounts.append(Mount("/", StaticFiles(directory=PAGE, html=True)))
    return Starlette(routes=mounts, exception_handlers=_HANDLERS)


def _docs(request: Request) -> Response:
    return HTMLResponse(_DOCS)


def _start(request: Request) -> Response:
    return Response(_START, media_type="text/javascript")


def _id(request: Request) -> str:
    return str(request.scope["state"]["request_id"])


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return failed(
        error.status,
        error.code,
        error.problem,
        error.remedy,
        _id(request),
        headers=error.headers,
    )


async def _library(request: Request, error: Exception) -> Response:
    assert isinstance(error, HolotypeError)
    return failed_as(error, _id(request))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    what = {404: "there is nothing here", 405: "the route does not take this method"}
    return failed(
        status,
        _CODES.get(status, "http"),
        what.get(status, str(error.detail)),
        "See /docs, or /openapi.json",
        _id(request),
        headers=error.headers,
    )


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the call"
    return failed(422, "form", f"{where}: {first['msg']}", "See /openapi.json", _id(request))


async def _gone(request: Request, error: Exception) -> Response:
    return failed(400, "form", "the body ended before its end", "Send it again", _id(request))


async def _mistake(request: Request, error: Exception) -> Response:
    return failed(500, "internal", *INTERNAL, _id(request))


_HANDLERS: dict[Any, Any] = {
    RefusedError: _refused,
    HolotypeError: _library,
    HTTPException: _http,
    RequestValidationError: _invalid,
    ClientDisconnect: _gone,
    Exception: _mistake,
}
