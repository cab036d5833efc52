"""Keys and settings on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chromium
from chromium import Served, close, made, until
from ports import free_port
from receivers import Receiver

pytestmark = pytest.mark.slow


def test_a_key_is_made_shown_once_and_revoked(opened: Any, served: Served) -> None:
    page = opened(served, "keys")
    page.fill("#key-name", "counter")
    page.select_option("#key-scope", label="may ask")
    page.get_by_role("button", name="Make it").click()
    key = page.locator(".secret")
    key.wait_for()
    secret = key.inner_text()
    assert secret.startswith("htk_")
    assert "counter" in page.inner_text(".lines")
    opened(Served(served.gallery, served.port, served.process, secret))  # it opens the page
    page.click("#tab-audit")
    page.click("#tab-keys")
    page.wait_for_selector("#keys h1")
    until(page, "!document.querySelector('.secret')")

    page.get_by_role("button", name="Revoke counter").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    page.get_by_text("The key of counter is none any more.").wait_for()
    assert "counter" not in page.inner_text(".lines")
    page.get_by_role("button", name="Revoke owner").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    page.get_by_text("is the last key that may make others").wait_for()
    page.watched.said.clear()  # the 409


def test_who_may_not_sees_why(opened: Any, served: Served) -> None:
    reader = made(served, "reader", "read")
    page = opened(Served(served.gallery, served.port, served.process, reader))
    for part in ("keys", "inbox"):
        page.click(f"#tab-{part}")
        page.locator(f"#{part}").get_by_text("This key may not do that.").wait_for()
    page.click("#tab-settings")
    page.get_by_text("Webhooks are shown to keys of the administrator.").wait_for()
    page.watched.said.clear()  # the 403


@pytest.fixture
def telling(gallery: Path, windows: list[Any]) -> Iterator[tuple[Served, set[str]]]:
    """A server that tells a receiver which refuses some."""
    port, refused = free_port(), {"Ada"}
    receiver = Receiver(port, lambda event: 422 if event["label"] in refused else 204)
    server = chromium.serve(
        gallery, None, "--webhook", f"door=http://127.0.0.1:{port}/", "--inbox", "3"
    )
    yield server, refused
    close(windows)
    server.stop()
    receiver.stop()


def test_settings_and_dead_letters(
    opened: Any, telling: tuple[Served, set[str]], pictures: Path
) -> None:
    served, refused = telling
    page = opened(served, "settings")
    text = page.inner_text("#settings")
    for said in ("Kept, beside the embeddings.", "24 hours", "3 hours", "Not kept", "door"):
        assert said in text
    page.click("#tab-enrolled")
    page.fill("#label", "Ada")
    page.click("#enrolled [data-way=file]")
    first = min(sorted(pictures.iterdir())[20].iterdir())
    page.set_input_files("#enrolled .drop input", str(first))
    page.locator(".card", has_text="Ada").wait_for()
    for _ in range(600):
        page.click("#tab-settings")
        page.wait_for_selector("#settings h1")
        if page.get_by_text("It did not get one event.").count():
            break
        page.click("#tab-about")
        page.wait_for_timeout(100)
    page.get_by_role("button", name="Which").click()
    page.locator("#settings-outcome").get_by_text("it answered 422").wait_for()
    refused.clear()
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("1 sent; 0 are left.").wait_for()
    page.get_by_role("button", name="Remove (door)").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("Nothing is sent to door any more.").wait_for()
    page.get_by_text("A new webhook").click()
    page.fill("#hook-name", "inside")
    page.fill("#hook-url", "http://127.0.0.1:9/")
    page.get_by_role("button", name="Send events there").click()
    page.get_by_text("the receiver is no address that is taken").wait_for()
    page.watched.said.clear()  # the 422
