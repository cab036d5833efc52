"""What was wrong is put right on the page: names, examples, notes, and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chromium import Served, until

pytestmark = pytest.mark.slow


def named(page: Any, text: str, button: str) -> None:
    """Fill in the one field of the dialog that is open."""
    dialog = page.get_by_role("dialog")
    dialog.locator("input:not([type=radio])").fill(text)
    dialog.get_by_role("button", name=button).click()


def shown(page: Any, label: str) -> None:
    """Wait until one of the enrolled is open."""
    page.locator(".person h1").get_by_text(label, exact=True).wait_for()


def of(pictures: Path, number: int) -> list[Path]:
    return sorted(sorted(pictures.iterdir())[number - 1].iterdir())


def choose(page: Any, *files: Path) -> None:
    page.click("#desk [data-way=file]")
    page.set_input_files("#desk .drop input", [str(one) for one in files])


def test_rename_merge_move_and_back(opened: Any, served: Served) -> None:
    page = opened(served, "enrolled")
    page.get_by_role("button", name="Open Letter 1", exact=True).click()
    shown(page, "Letter 1")
    until(page, "document.querySelectorAll('.person .card img').length === 1")
    page.get_by_role("button", name="Rename").click()
    named(page, "Ada / née", "Rename")
    shown(page, "Ada / née")
    page.reload()  # the address says whom it shows
    shown(page, "Ada / née")

    page.get_by_role("button", name="Is the same as").click()
    named(page, "Letter 2", "Is the same as")
    shown(page, "Letter 2")
    until(page, "document.querySelectorAll('.person .card').length === 2")
    page.get_by_role("button", name="Move Example 1").click()
    named(page, "Somebody new", "Move")
    until(page, "document.querySelectorAll('.person .card').length === 1")

    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_text("Last change: owner moved an example").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.locator(".undo button").click()
    assert "Letter 2 gets an example back" in page.get_by_role("dialog").inner_text()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    page.get_by_text("owner joined two that are one").wait_for()
    page.locator(".undo button").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    page.locator(".card", has_text="Ada / née").wait_for()
    assert page.locator(".card").count() == 12


def test_one_example_is_erased_after_a_question(
    opened: Any, served: Served, pictures: Path
) -> None:
    page = opened(served, "enrolled")
    card = page.locator(".card", has_text="Letter 3")
    card.locator("input").set_input_files(str(of(pictures, 3)[1]))
    card.get_by_text("2 examples").wait_for()
    page.get_by_role("button", name="Open Letter 3").click()
    until(page, "document.querySelectorAll('.person .card').length === 2")
    page.get_by_role("button", name="Erase Example 13").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Erase Example 13").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    until(page, "document.querySelectorAll('.person .card').length === 1")


def test_notes(opened: Any, served: Served) -> None:
    page = opened(served, "enrolled")
    page.get_by_role("button", name="Open Letter 4").click()
    page.fill("#tag", "staff")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove the tag staff").wait_for()
    page.get_by_label("Known, and not announced").check()
    page.get_by_role("button", name="All", exact=True).click()
    card = page.locator(".card", has_text="Letter 4")
    card.get_by_text("Tags: staff").wait_for()
    assert "Known, and not announced" in card.inner_text()
    page.get_by_role("button", name="Open Letter 4").click()
    page.get_by_role("button", name="Remove the tag staff").click()
    page.get_by_role("group", name="Tags").locator("button").wait_for(state="detached")


def test_two_tabs(opened: Any, served: Served) -> None:
    first, second = opened(served, "enrolled"), opened(served, "enrolled")
    for page in (first, second):
        page.get_by_role("button", name="Open Letter 5").click()
        shown(page, "Letter 5")
        page.get_by_role("button", name="Rename").click()
    named(first, "Ada", "Rename")
    shown(first, "Ada")
    named(second, "Bob", "Rename")
    second.get_by_text("label 'Letter 5' is not among the 12 enrolled").wait_for()
    second.watched.said.clear()  # the 404


def test_an_undo_of_what_somebody_else_did_meanwhile_is_refused(
    opened: Any, served: Served
) -> None:
    first, second = opened(served, "enrolled"), opened(served, "enrolled")
    for page, label in ((first, "Letter 6"), (second, "Letter 7")):
        page.get_by_role("button", name=f"Open {label}").click()
        page.get_by_role("button", name="Rename").click()
        named(page, f"{label}, renamed", "Rename")
        page.get_by_role("button", name="All", exact=True).click()
        page.locator(".undo").wait_for()
    # The first tab shows a change that is not the last any more.
    first.locator(".undo button").click()
    first.get_by_role("dialog").get_by_role("button", name="Undo").click()
    first.get_by_text("no longer what you have looked at").wait_for()
    assert second.locator(".card", has_text="Letter 7, renamed").count() == 1
    first.watched.said.clear()  # the 412


def test_a_wrong_answer_teaches(opened: Any, served: Served, pictures: Path) -> None:
    page = opened(served)
    choose(page, of(pictures, 8)[0])
    page.get_by_role("button", name="That is wrong").click()
    page.get_by_label("nobody who is enrolled").check()
    assert page.locator("#truth").is_disabled()
    page.get_by_role("button", name="Say so").click()
    # It is the very example: that is no stranger.
    page.get_by_text("It is an example already.").wait_for()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("button", name="That is wrong").click()
    named(page, "Letter 9", "Say so")
    page.get_by_text("Noted.").first.wait_for()

    choose(page, of(pictures, 25)[0])
    page.wait_for_selector(".answer.unknown")
    page.get_by_role("button", name="Wrong, it is enrolled").click()
    named(page, "Letter 10", "Say so")
    page.get_by_text("It is an example of Letter 10 now.").wait_for()
    page.click("#tab-enrolled")
    page.locator(".card", has_text="Letter 10").get_by_text("2 examples").wait_for()


def test_map(opened: Any, served: Served) -> None:
    page = opened(served, "map")
    page.select_option("#map-rate", label="1 in 2")
    page.wait_for_selector("#map table")
    rows = page.locator("#map tbody tr")
    assert page.locator(".graph line").count() == rows.count() >= 1
    texts = page.locator(".graph text").all_text_contents()
    said = {one for row in rows.all() for one in row.locator("a").all_inner_texts()}
    assert set(texts) == said
    link = rows.first.locator("a").first
    label = link.inner_text()
    link.click()
    shown(page, label)


def test_unlabeled_pictures_and_what_was_measured(
    opened: Any, served: Served, pictures: Path
) -> None:
    page = opened(served)
    choose(page, of(pictures, 26)[0])
    page.wait_for_selector(".answer.unknown")
    page.click("text=Right, a stranger")
    page.click("#tab-trust")
    page.get_by_text("0 of one stranger that was reviewed").wait_for()
    page.get_by_role("button", name="Whoever came by").click()
    page.click("#trust [data-way=file]")
    some = [one for number in range(1, 31) for one in of(pictures, number)[1:]]
    page.set_input_files("#trust .drop input", [str(one) for one in some[:48]])
    page.wait_for_selector(".change")
    assert "What 48 pictures would change" in page.inner_text(".change")
    assert "They show about" in page.inner_text(".change")
    page.click("text=Keep these")
    page.wait_for_selector(".lines li")
