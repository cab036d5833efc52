"""A real browser on the page of a real server, and hands that draw."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import warm
from hanging import HANGS_S
from ports import free_port

_PROGRAM = "from holotype.__main__ import main; main()"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}
WAIT_MS = 240_000  # until something on the page must be broken, however busy the machine

# Where the pen goes, in shares of the sheet: shapes that nobody takes for one another.
Line = Sequence[tuple[float, float]]
CROSS: tuple[Line, ...] = (((0.2, 0.5), (0.8, 0.5)), ((0.5, 0.15), (0.5, 0.85)))
HOUSE: tuple[Line, ...] = (
    ((0.25, 0.85), (0.25, 0.45), (0.5, 0.15), (0.75, 0.45), (0.75, 0.85), (0.25, 0.85)),
    ((0.45, 0.85), (0.45, 0.65), (0.57, 0.65), (0.57, 0.85)),
)
ZIGZAG: tuple[Line, ...] = (
    ((0.1, 0.7), (0.25, 0.3), (0.4, 0.7), (0.55, 0.3), (0.7, 0.7), (0.85, 0.3)),
    ((0.1, 0.85), (0.9, 0.85)),
)


def program() -> str | None:
    """Where Chromium is, if it is here."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def again(lines: Sequence[Line], by: float = 0.02) -> tuple[Line, ...]:
    """The same shape from a less steady hand: a little smaller, and shifted."""
    return tuple(
        tuple(
            (0.04 + 0.93 * x + by * (i % 2), 0.02 + 0.95 * y - by * (i % 2))
            for i, (x, y) in enumerate(line)
        )
        for line in lines
    )


@dataclass
class Served:
    """A server of its own process."""

    gallery: Path
    port: int
    process: warm.Process
    key: str
    reader: threading.Thread | None = None  # of what else it says: that must not fill the pipe

    @property
    def address(self) -> str:
        """Of the page, without the key."""
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        """End it, as Ctrl-C would."""
        self.process.terminate()
        self.process.wait(HANGS_S)
        if self.reader is not None:
            self.reader.join()
            assert self.process.stdout is not None
            self.process.stdout.close()


def serve(gallery: Path, port: int | None = None, *options: str) -> Served:
    """Start `holotype serve` and wait until it says its address."""
    port = free_port() if port is None else port
    process = warm.Process(
        _PROGRAM,
        *("serve", gallery, "--port", port, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "300"},  # no address is broken into lines
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(rf":{port}/(#key=(\S+))?", line):
            reader = threading.Thread(target=process.stdout.read, daemon=True)
            reader.start()
            return Served(gallery, port, process, found[2] or "", reader)
    raise AssertionError(f"the server did not start: {''.join(said)}")


def made(served: Served, name: str, scope: str) -> str:
    """A new key of the server."""
    request = urllib.request.Request(
        f"{served.address}v1/keys",
        json.dumps({"name": name, "scope": scope}).encode(),
        {"authorization": f"Bearer {served.key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["key"])


def close(windows: list[Any]) -> None:
    """Close what is open: before the server ends, which a page would notice."""
    while windows:
        windows.pop().close()


@dataclass
class Watched:
    """What a page did that it must not."""

    elsewhere: list[str] = field(default_factory=list)  # addresses of other hosts
    said: list[str] = field(default_factory=list)  # errors on the console, and uncaught ones


def watch(page: Any, served: Served) -> Watched:
    """Note from now on what a page asks of other hosts, and which errors it has."""
    seen = Watched()

    def requested(request: Any) -> None:
        if not request.url.startswith((served.address, "blob:", "data:")):
            seen.elsewhere.append(request.url)

    def logged(message: Any) -> None:
        if message.type in ("error", "warning"):
            seen.said.append(message.text)

    page.on("request", requested)
    page.on("console", logged)
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    return seen


def until(page: Any, holds: str) -> None:
    """Wait until a script says so; Playwright's own way needs `eval`, which the page forbids."""
    for _ in range(WAIT_MS // 100):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {holds}")


def axe(page: Any, where: str) -> None:
    """No rule of axe-core is broken."""
    kit = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="needs axe-playwright-python, of the extra `dev`",
    )
    page.wait_for_timeout(400)  # what comes in has come: a color in between is no color of ours
    found = kit.Axe().run(page)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"


def draw(page: Any, lines: Sequence[Line], within: str = "body") -> None:
    """Draw on the sheet that is seen, with the mouse."""
    sheet = page.locator(f"{within} canvas.sheet:visible")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]

    for line in lines:
        page.mouse.move(*at(line[0]))
        page.mouse.down()
        for point in line[1:]:
            page.mouse.move(*at(point), steps=6)
        page.mouse.up()
