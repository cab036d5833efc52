"""An empty gallery teaches: two are enrolled, one is recognized, a stranger is turned away."""

from __future__ import annotations

from typing import Any

import pytest

from chromium import CROSS, HOUSE, ZIGZAG, Served, again, draw, until

pytestmark = pytest.mark.slow


def test_from_nothing_to_a_right_answer_and_a_stranger_turned_away(
    opened: Any, empty: Served
) -> None:
    page = opened(empty)
    draw(page, CROSS)
    page.fill("#lesson-name", "Cross")
    page.click("text=Remember it")
    page.get_by_role("heading", name="Now another one.").wait_for()
    draw(page, HOUSE)
    page.click("text=Remember it")
    page.get_by_role("heading", name="Does it know “Cross”?").wait_for()

    draw(page, again(CROSS))
    page.click("text=What is it?")
    page.wait_for_selector(".answer.match")
    assert page.inner_text(".answer .who") == "Cross"
    assert "Recognized, from one example." in page.inner_text(".lesson")
    # No picture is kept, but the page has seen it: the probe stands beside the very example.
    until(page, "document.querySelectorAll('.pair img').length === 2")

    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="And a stranger?").wait_for()
    draw(page, ZIGZAG)
    page.click("text=What is it?")
    page.wait_for_selector(".answer.unknown")
    page.get_by_role("heading", name="That is all there is to it.").wait_for()

    page.click("text=To the desk")
    page.get_by_role("slider").wait_for()
    page.click("#tab-enrolled")
    page.wait_for_selector("#enrolled .card")
    assert page.locator("#enrolled .card h2").all_inner_texts() == ["Cross", "Second sign"]


def test_lesson_may_be_skipped_and_needs_a_name(opened: Any, empty: Served) -> None:
    page = opened(empty)
    draw(page, CROSS)
    page.fill("#lesson-name", " ")
    page.click("text=Remember it")
    page.get_by_role("alert").get_by_text("Give it a name first.").wait_for()
    assert page.evaluate("document.activeElement.id") == "lesson-name"
    page.click("#tab-trust")  # what can be promised of nobody
    page.get_by_text("Nobody is enrolled, so nobody is let in.").wait_for()
    assert "false" not in page.inner_text("#trust")
    page.click("#tab-desk")
    page.click("text=Skip this")
    page.get_by_role("slider").wait_for()
    draw(page, CROSS)
    page.click("text=Ask")
    page.wait_for_selector(".answer.unknown")
    assert "Nobody is enrolled yet." in page.inner_text(".answer")
