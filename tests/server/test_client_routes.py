"""Whether the client reaches every route that is described."""

from __future__ import annotations

import inspect
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from holotype.client import Client
from holotype.errors import ServingError

DESCRIBED = json.loads(Path(__file__).with_name("openapi.json").read_text())["paths"]
# Routes that no method of the client calls, and why.
LEFT_OUT = {
    "/api/v1/": "for programs that were written for CompreFace",
    "/metrics": "for Prometheus, as text",
    "/v1/health": "for what watches the server, without a key",
}
# Of the arguments that no call can be made without.
ARGUMENTS: dict[str, Any] = {
    "image": b"picture",
    "first": b"picture",
    "pictures": [("a", b"picture")],
    "correct": True,
    "example": 1,
    "scope": "read",
}
NOT_CALLS = {"close"}


class _Noting(BaseHTTPRequestHandler):
    """Notes what is asked for, and refuses it."""

    protocol_version = "HTTP/1.1"

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, urlsplit(self.path).path))  # type: ignore[attr-defined]
        said = json.dumps({"error": {"code": "noted", "problem": "noted", "remedy": "-"}}).encode()
        self.send_response(404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PATCH = do_DELETE = _refuse  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def noting() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Noting) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _calls(desk: Client, name: str) -> Iterator[dict[str, Any]]:
    """Arguments of a method: those it needs, and those with a label, where that may be left out."""
    given = inspect.signature(getattr(desk, name)).parameters
    needed = {
        one.name: ARGUMENTS.get(one.name, "a")
        for one in given.values()
        if one.default is one.empty and one.kind is not one.VAR_POSITIONAL
    }
    yield needed
    if "label" in given and "label" not in needed:
        yield {**needed, "label": "a"}


def test_every_route_has_a_method(noting: HTTPServer) -> None:
    asked: list[tuple[str, str]] = noting.asked  # type: ignore[attr-defined]
    with Client(f"http://127.0.0.1:{noting.server_address[1]}", "htk_any") as desk:
        for name, _ in inspect.getmembers(desk, callable):
            if name.startswith("_") or name in NOT_CALLS:
                continue
            for arguments in _calls(desk, name):
                before = len(asked)
                with pytest.raises(ServingError, match="noted"):
                    getattr(desk, name)(**arguments)
                assert len(asked) == before + 1, name
    for path, methods in DESCRIBED.items():
        place = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for method in methods:
            reached = any(verb == method.upper() and place.fullmatch(at) for verb, at in asked)
            left = any(path.startswith(one) for one in LEFT_OUT)
            assert reached != left, f"{method.upper()} {path}"
