"""A hub of one process: as much of the Hugging Face Hub as sending and fetching asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Hub(ThreadingHTTPServer):
    """Repositories in memory; every request is noted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}  # repository, commit, file
        self.asked: list[str] = []
        self.gated: set[str] = set()  # repositories that are shown to those who were let in
        self.cut: set[str] = set()  # files whose second half never comes

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, repository: str, files: dict[str, bytes]) -> str:
        history = self.commits[repository]
        before = next(reversed(history.values()), {})
        revision = hashlib.sha1(f"{repository} {len(history)}".encode()).hexdigest()
        history[revision] = {**before, **files}
        return revision

    def at(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        history = self.commits.get(repository)
        if history and revision == "main":
            return next(reversed(history.items()))
        return (revision, history[revision]) if history and revision in history else None


@contextmanager
def running() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _json(self, value: Any, status: int = 200, **headers: str) -> None:
        self._send(json.dumps(value).encode(), status, **headers)

    def _send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_half(self, content: bytes, **headers: str) -> None:
        """All is announced, half of it comes, and the line is dead."""
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _missing(self, code: str) -> None:
        self._json({"error": code}, 404, X_Error_Code=code)

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
        if "/".join(parts[:2]) in self.server.gated or "/".join(parts[2:4]) in self.server.gated:
            self._json({"error": "gated"}, 403, X_Error_Code="GatedRepo")
            return
        if parts[:2] == ["api", "models"]:
            repository = "/".join(parts[2:4])
            found = self.server.at(repository, parts[5] if len(parts) > 5 else "main")
            if repository not in self.server.commits:
                self._missing("RepoNotFound")
            elif found is None:
                self._missing("RevisionNotFound")
            else:
                files = [
                    {"rfilename": name, "size": len(content), "blobId": "0" * 40}
                    for name, content in found[1].items()
                ]
                self._json({"id": repository, "sha": found[0], "siblings": files})
            return
        repository, revision, name = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        found = self.server.at(repository, revision)
        if found is None or name not in found[1]:
            self._missing("EntryNotFound")
            return
        etag = hashlib.sha1(found[1][name]).hexdigest()
        cut = name in self.server.cut and self.command != "HEAD"
        send = self._send_half if cut else self._send
        send(found[1][name], X_Repo_Commit=found[0], ETag=f'"{etag}"')

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        parts = unquote(self.path).strip("/").split("/")
        body = self._body()
        if parts == ["api", "repos", "create"]:
            asked = json.loads(body)
            repository = f"{asked['organization']}/{asked['name']}"
            self.server.commits.setdefault(repository, {})
            self._json({"url": f"{self.server.url}/{repository}", "id": repository})
            return
        if parts == ["api", "validate-yaml"]:
            self._json({"warnings": [{"message": "empty or missing yaml metadata"}], "errors": []})
            return
        repository, what = "/".join(parts[2:4]), parts[4]
        if what == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._json({"files": files})
        elif what == "commit":
            lines = [json.loads(line) for line in body.splitlines()]
            sent = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            revision = self.server.commit(repository, sent)
            self._json(
                {
                    "commitUrl": f"{self.server.url}/{repository}/commit/{revision}",
                    "commitOid": revision,
                    "success": True,
                }
            )
        elif what == "paths-info":
            found = self.server.at(repository, parts[5])
            assert found is not None
            wanted = json.loads(body)["paths"] if body.startswith(b"{") else _form(body)
            self._json(
                [
                    {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                    for name, content in found[1].items()
                    if name in wanted
                ]
            )
        else:
            self._missing("EntryNotFound")


def _form(body: bytes) -> list[str]:
    from urllib.parse import parse_qs

    return parse_qs(body.decode())["paths"]
