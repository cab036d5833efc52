"""The last visitors on the desk, live; and a page that is left open for a day."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chromium
from chromium import PHONE, Served, axe, close, made, until
from holotype.gallery.event_log import Events

pytestmark = pytest.mark.slow
ROWS = "document.querySelectorAll('.came li').length"


@pytest.fixture
def telling(gallery: Path, windows: list[Any]) -> Iterator[Served]:
    """A server that tells of whom it recognized and whom not."""
    server = chromium.serve(gallery, None, "--tell", "match", "--tell", "unknown")
    yield server
    close(windows)
    server.stop()


def ask(served: Served, picture: Path, key: str | None = None) -> None:
    """As another program at the same door."""
    body = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
    request = urllib.request.Request(
        f"{served.address}v1/identify",
        body + picture.read_bytes() + b"\r\n--x--\r\n",
        {
            "authorization": f"Bearer {key or served.key}",
            "content-type": "multipart/form-data; boundary=x",
        },
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["answers"]


def command(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "holotype", *words], check=True, capture_output=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_who_comes_by_is_seen_and_said(
    opened: Any, telling: Served, gallery: Path, pictures: Path, theme: str
) -> None:
    folders = [sorted(folder.iterdir()) for folder in sorted(pictures.iterdir())]
    page = opened(telling, color_scheme=theme, **PHONE)
    assert not page.locator(".came").is_visible()  # nobody yet
    ask(telling, folders[0][0])
    page.locator(".came li").get_by_text("Letter 1", exact=True).wait_for()
    until(page, "document.getElementById('said').textContent === 'Match: Letter 1.'")
    assert page.get_attribute("#said", "aria-live") == "polite"
    assert page.locator(".came [aria-live]").count() == 0  # nothing else is read out
    ask(telling, folders[20][0])
    page.locator(".came li >> nth=0").get_by_text("unknown").wait_for()
    axe(page, f"visitors, {theme}")
    command("rename", str(gallery), "Letter 1", "Ada")
    page.locator(".came li").get_by_text("Ada", exact=True).wait_for()
    command("forget", str(gallery), "Ada")
    until(page, f"{ROWS} === 1")
    page.select_option("#language", "de")
    page.get_by_role("heading", name="Zuletzt gesehen").wait_for()


def test_the_best_picture_is_shown_where_it_is_kept(
    opened: Any, gallery: Path, windows: list[Any], pictures: Path
) -> None:
    server = chromium.serve(gallery, None, "--keep-seen", "1")
    page = opened(server)
    first = min(min(pictures.iterdir()).iterdir())
    events = Events(gallery.with_name("desk.gallery.events"))
    try:
        events.add("unknown", {"camera": "door"}, picture=first.read_bytes())
        page.locator(".came li img").wait_for()
        until(page, "document.querySelector('.came img').naturalWidth > 0")
        assert "door" in page.inner_text(".came li")
    finally:
        events.close()
        close(windows)
        server.stop()


def test_a_page_that_is_left_open_for_a_day(
    opened: Any, telling: Served, gallery: Path, pictures: Path
) -> None:
    first, second = (min(folder.iterdir()) for folder in sorted(pictures.iterdir())[:2])
    counter = made(telling, "counter", "enroll")
    page = opened(Served(gallery, telling.port, telling.process, counter))
    ask(telling, first)
    until(page, f"{ROWS} === 1")

    events = Events(gallery.with_name("desk.gallery.events"))
    for number in range(500):
        events.add("unknown", {"camera": f"door {number}"})
    until(page, "document.querySelector('.came li').textContent.includes('door 499')")
    assert page.evaluate(ROWS) == 8
    nodes = page.evaluate("document.querySelectorAll('*').length")
    for number in range(500, 1000):
        events.add("unknown", {"camera": f"door {number}"})
    events.close()
    until(page, "document.querySelector('.came li').textContent.includes('door 999')")
    assert page.evaluate("document.querySelectorAll('*').length") == nodes

    # The server is away for a while, and the gallery another when it is back.
    telling.stop()
    page.get_by_role("alert").get_by_text("The server does not answer.").wait_for()
    command("forget", str(gallery), "Letter 3")
    back = chromium.serve(gallery, telling.port, "--tell", "match")
    try:
        page.wait_for_selector("#gone", state="hidden")
        ask(back, second, telling.key)
        page.locator(".came li").get_by_text("Letter 2", exact=True).wait_for()
        page.click("#tab-enrolled")
        page.wait_for_selector("#enrolled h1")
        assert page.locator(".card").count() == 11

        # What was looked at is another by now: nothing is done that nobody has seen.
        command("rename", str(gallery), "Letter 4", "Dora")
        page.locator(".undo").get_by_role("button", name="Undo").click()
        page.get_by_role("dialog").get_by_role("button", name="Undo").click()
        page.get_by_text("no longer what you have looked at").wait_for()
        page.click("#tab-desk")

        # Its key is revoked: it asks for another, once, and goes on.
        request = urllib.request.Request(
            f"{back.address}v1/keys/counter",
            headers={"authorization": f"Bearer {telling.key}"},
            method="DELETE",
        )
        urllib.request.urlopen(request).close()
        page.get_by_role("dialog").wait_for()
        assert page.get_by_role("dialog").count() == 1
        page.fill("#key", telling.key)
        page.get_by_role("button", name="Use this key").click()
        ask(back, first, telling.key)
        page.locator(".came li >> nth=0").get_by_text("Letter 1", exact=True).wait_for()
    finally:
        page.watched.said.clear()  # the connection that is refused, the 401
        page.close()
        back.stop()
