"""The page of `holotype serve` in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import chromium
import holotype
from chromium import Served, Watched, close
from stand_ins import drawings

ENROLLED = 12


# Of a file, and no longer: while it is open, no other test of this process can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = chromium.program()
    if program is None:
        pytest.skip("needs Chromium, such as Debian's package `chromium`")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright, of the extra `dev`"
    )
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--use-fake-device-for-media-stream"]
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawings each of thirty characters, a folder for each."""
    folder = tmp_path_factory.mktemp("page") / "pictures"
    drawings(folder, 30, 3)
    return folder


@pytest.fixture(scope="session")
def _enrolled(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("enrolled") / "desk.gallery"
    with holotype.open(path, keep_pictures=True) as recognizer:
        for number, folder in enumerate(sorted(pictures.iterdir())[:ENROLLED], start=1):
            recognizer.enroll(f"Letter {number}", min(folder.iterdir()))
    return path


@pytest.fixture
def gallery(_enrolled: Path, tmp_path: Path) -> Path:
    """Twelve characters, from one drawing each, which are kept."""
    path = tmp_path / "desk.gallery"
    path.write_bytes(_enrolled.read_bytes())
    return path


@pytest.fixture
def windows() -> list[Any]:
    """What is open: it is closed before the server ends, which the page would notice."""
    return []


@pytest.fixture
def served(gallery: Path, windows: list[Any]) -> Iterator[Served]:
    server = chromium.serve(gallery)
    yield server
    close(windows)
    server.stop()


@pytest.fixture
def receiving(gallery: Path, windows: list[Any]) -> Iterator[Served]:
    """A server that keeps who gets no match."""
    server = chromium.serve(gallery, None, "--inbox", "2")
    yield server
    close(windows)
    server.stop()


@pytest.fixture
def empty(tmp_path: Path, windows: list[Any]) -> Iterator[Served]:
    """A server of a gallery that was not there."""
    server = chromium.serve(tmp_path / "new.gallery")
    yield server
    close(windows)
    server.stop()


Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, windows: list[Any]) -> Iterator[Open]:
    """Opens a page as somebody does who has the address; it has to behave until the end."""
    watched = []

    def open_(served: Served, part: str = "", *, key: bool = True, **options: Any) -> Any:
        context = browser.new_context(**{"locale": "en-US", **options})
        context.set_default_timeout(chromium.WAIT_MS)
        windows.append(context)
        page = context.new_page()
        watched.append(chromium.watch(page, served))
        page.goto(served.address + (f"#key={served.key}" if key else ""))
        if key:
            page.wait_for_selector("[role=tabpanel]:not([hidden]) > *")
            if part:
                page.click(f"#tab-{part}")
                page.wait_for_selector(f"#{part} h1")
        page.watched = watched[-1]
        return page

    yield open_
    close(windows)
    for seen in watched:
        assert seen == Watched()
