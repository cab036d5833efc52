"""What goes wrong around the page: a wrong key, one that may not, a server that is gone."""

from __future__ import annotations

from typing import Any

import pytest

import chromium
from chromium import HOUSE, Served, draw, made
from holotype.client import Client

pytestmark = pytest.mark.slow


def test_key_is_taken_from_the_address_and_leaves_it(opened: Any, served: Served) -> None:
    page = opened(served)
    assert page.url == served.address
    page.reload()  # it stays with the tab
    page.get_by_role("slider").wait_for()


def test_wrong_key_is_asked_for_again(opened: Any, served: Served) -> None:
    page = opened(served, key=False)
    page.fill("#key", "htk_wrong é")
    page.click("text=Use this key")
    page.get_by_text("That key is wrong").wait_for()
    page.fill("#key", served.key)
    page.click("text=Use this key")
    page.get_by_role("slider").wait_for()
    page.watched.said.clear()  # the 401


def test_key_that_is_revoked_meanwhile_is_asked_for_again(opened: Any, served: Served) -> None:
    counter = made(served, "counter", "enroll")
    page = opened(Served(served.gallery, served.port, served.process, counter))
    with Client(served.address, served.key) as desk:
        desk.revoke_key("counter")
    draw(page, HOUSE)
    page.click("text=Ask")
    page.get_by_text("That key is wrong, or no longer valid.").wait_for()
    page.fill("#key", served.key)
    page.click("text=Use this key")
    # The very same drawing is asked about, without another click.
    page.wait_for_selector(".answer:not(.empty)")
    page.watched.said.clear()  # the 401


def test_key_that_may_only_read(opened: Any, served: Served) -> None:
    reader = made(served, "reader", "read")
    page = opened(Served(served.gallery, served.port, served.process, reader))
    page.click("#tab-enrolled")
    page.fill("#label", "Somebody")
    draw(page, HOUSE, "#enrolled")
    page.locator("#enrolled").get_by_role("button", name="Enroll", exact=True).click()
    page.get_by_text("This key may not do that.").wait_for()
    assert page.locator(".card").count() == 12
    page.watched.said.clear()  # the 403


def test_server_that_is_gone_is_asked_again_until_it_is_back(opened: Any, served: Served) -> None:
    page = opened(served)
    served.stop()
    draw(page, HOUSE)
    page.click("text=Ask")
    page.get_by_role("alert").get_by_text("The server does not answer.").wait_for()
    back = chromium.serve(served.gallery, served.port)
    try:
        # The very same drawing is asked about, without another click.
        page.wait_for_selector(".answer:not(.empty)")
        page.wait_for_selector("#gone", state="hidden")
    finally:
        page.watched.said.clear()  # what the browser says of a connection that is refused
        page.close()
        back.stop()
