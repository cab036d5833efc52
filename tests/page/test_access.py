"""For everybody: screen readers, the keyboard alone, a phone, the dark, two languages."""

from __future__ import annotations

from typing import Any

import pytest

from chromium import PHONE, Served, axe, until

pytestmark = pytest.mark.slow
PARTS = ("desk", "enrolled", "inbox", "map", "trust", "audit", "keys", "settings", "about")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_panel(
    opened: Any, served: Served, pictures: Any, theme: str
) -> None:
    page = opened(served, color_scheme=theme)
    for part in PARTS:
        page.click(f"#tab-{part}")
        page.wait_for_selector(f"#{part} h1", state="attached")
        axe(page, f"{part}, {theme}")
    page.click("#tab-desk")
    page.click("#desk [data-way=file]")
    folders = sorted(pictures.iterdir())
    page.set_input_files(
        "#desk .drop input", [str(min(folders[0].iterdir())), str(min(folders[20].iterdir()))]
    )
    for number in (0, 1):  # a match, and nobody
        page.click(f".probe >> nth={number}")
        axe(page, f"answer {number}, {theme}")
    page.get_by_role("button", name="Right, a stranger").wait_for()
    page.get_by_role("button", name="Wrong, it is enrolled").click()
    axe(page, f"what it shows, {theme}")
    page.keyboard.press("Escape")
    page.click("#tab-map")
    page.select_option("#map-rate", label="1 in 2")
    page.wait_for_selector("#map table")
    axe(page, f"pairs, {theme}")
    page.click("#tab-enrolled")
    page.get_by_role("button", name="Open Letter 1", exact=True).click()
    page.wait_for_selector(".person h1")
    axe(page, f"one of them, {theme}")
    page.get_by_role("button", name="Is the same as").click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Forget Letter 1", exact=True).click()
    axe(page, f"dialog, {theme}")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark == (theme == "dark")
    assert (sum(map(int, ground[4:-1].split(","))) < 300) == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_lesson_nor_where_a_key_is_asked_for(
    opened: Any, empty: Served, theme: str
) -> None:
    axe(opened(empty, color_scheme=theme), f"lesson, {theme}")
    page = opened(empty, key=False, color_scheme=theme)
    page.get_by_role("dialog").wait_for()
    axe(page, f"key, {theme}")
    page.watched.said.clear()  # the 401


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_where_visitors_wait(
    opened: Any, receiving: Served, pictures: Any, theme: str
) -> None:
    page = opened(receiving, color_scheme=theme)
    page.click("#desk [data-way=file]")
    folder = sorted(pictures.iterdir())[20]
    page.set_input_files("#desk .drop input", [str(one) for one in sorted(folder.iterdir())])
    page.wait_for_selector(".answer.unknown")
    page.click("#tab-inbox")
    page.wait_for_selector(".visitor img")
    axe(page, f"inbox, {theme}")
    page.locator(".visitor").first.press("i")
    page.get_by_role("dialog").wait_for()
    axe(page, f"who is it, {theme}")


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_phone_scrolls_down_alone(
    opened: Any, receiving: Served, pictures: Any, language: str
) -> None:
    page = opened(receiving, locale=language, **PHONE)
    page.click("#desk [data-way=file]")
    folder = sorted(pictures.iterdir())[20]
    page.set_input_files("#desk .drop input", [str(one) for one in sorted(folder.iterdir())])
    page.wait_for_selector(".answer.unknown")
    for part in PARTS:
        page.click(f"#tab-{part}")
        page.wait_for_selector(f"#{part} h1", state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, part
        # Each tab can be hit with a thumb.
        box = page.locator(f"#tab-{part}").bounding_box()
        assert box["height"] >= 44
        assert box["width"] >= 44


def test_by_keyboard_alone(opened: Any, served: Served) -> None:
    page = opened(served)
    keys = page.keyboard

    def reach(selector: str) -> None:
        for _ in range(80):
            if page.evaluate("(one) => document.activeElement?.matches(one)", selector):
                return
            keys.press("Tab")
        raise AssertionError(f"Tab does not reach {selector}")

    keys.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reach("#tab-desk")
    reach("#desk canvas")
    keys.press("Space")
    for _ in range(6):
        keys.press("ArrowRight")
    for _ in range(6):
        keys.press("ArrowDown")
    keys.press("Space")
    keys.press("Enter")
    page.wait_for_selector(".answer:not(.empty)")
    reach("#rate")
    keys.press("ArrowRight")
    page.wait_for_selector(".cost .badge")

    page.locator("#tab-desk").focus()
    keys.press("ArrowRight")
    page.wait_for_selector("#enrolled .card")
    assert page.evaluate("document.activeElement.id") == "tab-enrolled"
    reach("#enrolled .card button")
    keys.press("Enter")
    page.wait_for_selector(".person")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    reach(".person .row button")
    keys.press("Enter")
    page.get_by_role("dialog").wait_for()
    keys.press("Escape")
    until(page, "!document.querySelector('dialog')")
    # The focus is back where it was.
    assert page.evaluate("document.activeElement.matches('.person .row button')")
    page.locator("#tab-enrolled").focus()
    keys.press("End")
    page.wait_for_selector("#about h1")
    keys.press("Home")
    page.wait_for_selector("#desk canvas")


def test_less_motion(opened: Any, served: Served) -> None:
    page = opened(served, reduced_motion="reduce")
    still = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page.evaluate(still) == "auto"
    assert page.evaluate(
        "getComputedStyle(document.querySelector('button')).transitionDuration"
    ) in (
        "0s",
        "",
    )


def test_german_for_german_browsers_and_by_choice(opened: Any, served: Served) -> None:
    page = opened(served, locale="de-AT")
    assert page.get_attribute("html", "lang") == "de"
    assert page.get_by_role("tab", name="Schalter").is_visible()
    page.select_option("#language", "en")
    page.get_by_role("tab", name="Desk").wait_for()
    page.get_by_text("How many strangers may pass?").wait_for()
    page.reload()
    page.get_by_role("tab", name="Desk").wait_for()
    assert page.get_attribute("html", "lang") == "en"
