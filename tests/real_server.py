"""`holotype serve` on loopback, as tests call it."""

from __future__ import annotations

import io
import re
import signal
import subprocess
from pathlib import Path

import httpx
from PIL import Image

import warm
from hanging import HANGS_S
from toy_packs import toy_drawing

_SAID = re.compile(r"(https?://\S+?/)(?:#key=(\S+))?(?:\s|$)")
_PROGRAM = "from holotype.cli import main; main()"


def drawing(character: int, drawer: int = 0) -> bytes:
    """One toy drawing as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(toy_drawing(character, drawer)).save(file, "PNG")
    return file.getvalue()


def files(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (f"{i}.png", content)) for i, content in enumerate(contents)]


class Server:
    """`holotype serve` in a process of its own, and a client with its first key."""

    def __init__(self, gallery: Path | str, *options: object, folder: Path | None = None) -> None:
        """Start it; on a database, in the folder where it is to keep its files."""
        self.gallery = Path(gallery)
        self._clients: list[httpx.Client] = []
        self.log = folder / "log" if folder else Path(f"{gallery}.log")
        with self.log.open("a") as log:
            self.process = warm.Process(
                _PROGRAM,
                *("serve", gallery, "--port", "0", *options),
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = _SAID.search(line)
        if found is None:
            self.kill()
            raise AssertionError(line + self.log.read_text())
        self.url, self.key = found[1].rstrip("/"), found[2]
        self.port = int(self.url.rpartition(":")[2])
        self.client = self.as_(self.key)

    def as_(self, key: str | None) -> httpx.Client:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=HANGS_S, trust_env=False)
        self._clients.append(client)
        return client

    def new_key(self, name: str, scope: str) -> str:
        made = self.client.post("/v1/keys", json={"name": name, "scope": scope})
        assert made.status_code == 200, made.text
        return str(made.json()["key"])

    def enroll(self, label: str, *contents: bytes, **headers: str) -> httpx.Response:
        return self.client.post(
            f"/v1/identities/{label}/examples",
            files=files(*contents),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def kill(self) -> None:
        for client in self._clients:
            client.close()
        self.process.kill()
        self.process.communicate(timeout=HANGS_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(HANGS_S)


def is_failure(response: httpx.Response) -> bool:
    """Whether an answer has the one form of what fails."""
    error = response.json()["error"]
    return (
        {"code", "problem", "remedy", "request_id"} <= error.keys()
        and error["request_id"] == response.headers["x-request-id"]
        and not any(error[name].endswith(".") for name in ("problem", "remedy"))
    )
