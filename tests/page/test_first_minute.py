"""An empty gallery teaches: two are enrolled, one is recognized, a stranger is turned away."""

from __future__ import annotations

from typing import Any

import pytest

from chromium import CROSS, HOUSE, ZIGZAG, Served, again, axe, draw, until

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


def test_sample_set_in_one_click_a_right_answer_and_a_stranger_turned_away(
    opened: Any, empty: Served
) -> None:
    page = opened(empty)
    page.get_by_role("button", name="Or enroll the sample drawings").click()
    page.get_by_role("heading", name="Does it know them from another hand?").wait_for()
    axe(page, "the sample")

    def choose_until(answer: str) -> None:
        """Some drawing is answered rightly: that each is, nobody promises."""
        for number in range(1, 11):
            page.get_by_role("button", name=f"Drawing {number}", exact=True).click()
            page.wait_for_selector(".lesson .good, .lesson .remark")
            if page.locator(f".lesson:has(.good) .answer.{answer}").count():
                return
            page.evaluate("document.querySelector('.lesson .remark').remove()")
        raise AssertionError(f"never {answer}")

    choose_until("match")
    until(page, "document.querySelectorAll('.pair img').length === 2")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="And a stranger?").wait_for()
    choose_until("unknown")
    page.click("text=To the desk")
    page.get_by_role("slider").wait_for()

    page.click("#tab-audit")
    page.wait_for_selector("#audit table, #audit li")
    assert page.get_by_role("row").filter(has_text="enrolled").count() == 10
    page.click("#tab-enrolled")
    page.wait_for_selector("#enrolled .card")
    assert page.locator("#enrolled .card").count() == 10
    page.get_by_role("button", name="Undo", exact=True).click()
    page.locator("dialog").get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("heading", name="ULOG 05").wait_for(state="detached")
    assert page.locator("#enrolled .card").count() == 9


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
