"""The desk of a gallery that reads: texts are written, and shown as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chromium
import holotype
from chromium import PHONE, Served, axe, close, until

pytest.importorskip("tokenizers", reason="needs the extra `texts`")

from toy_texts import make_toy_texts, toy_parts

pytestmark = pytest.mark.slow
PARTS = ("desk", "enrolled", "inbox", "map", "trust", "audit", "settings", "about")
CANCEL, CARD = "please cancel my order", "where is the new card ?"
MARKUP = '<b id="bold">send it</b> <img src="x" onerror="document.title=1"> back today'
MARKED = "please <u> cancel my order where is the new card"  # more of it is known to the toy


@pytest.fixture
def reading(tmp_path: Path, windows: list[Any]) -> Iterator[Served]:
    """A server of an empty gallery of texts."""
    toy = make_toy_texts(tmp_path / "toy", **toy_parts(pieces=16))
    options = ("--model", str(toy), "--inbox", "2", "--keep-pictures")
    server = chromium.serve(tmp_path / "read.gallery", None, *options)
    yield server
    close(windows)
    server.stop()


def _write(page: Any, text: str, within: str = "#desk") -> None:
    page.locator(within).get_by_label("Text", exact=True).fill(text)


def _ask(page: Any, text: str) -> None:
    _write(page, text)
    page.keyboard.press("Control+Enter")
    page.locator(".pair figure:first-child blockquote").get_by_text(text).wait_for()


def test_texts_are_written_answered_enrolled_and_shown(opened: Any, reading: Served) -> None:
    page = opened(reading)
    send = page.get_by_role("button", name="Remember it")
    page.fill("#lesson-name", "Cancel")
    _write(page, " \n")
    assert send.is_disabled()
    page.keyboard.press("Control+Enter")  # nothing is sent
    _write(page, CANCEL)
    axe(page, "the first minute")
    send.click()
    page.get_by_role("heading", name="Now another one.").wait_for()
    page.click("text=Skip this")

    page.get_by_role("heading", name="What is meant?").wait_for()
    _ask(page, CANCEL.upper())
    page.wait_for_selector(".answer.match")
    assert page.inner_text(".answer .who") == "Cancel"
    # The very example stands beside it.
    page.locator(".pair figure:last-child blockquote").get_by_text(CANCEL, exact=True).wait_for()
    axe(page, "an answer to a text")

    # What looks like markup is a text like any other.
    _ask(page, MARKUP)
    page.wait_for_selector(".answer.unknown, .answer.cannot_tell")
    assert page.locator(".pair blockquote").first.text_content() == MARKUP
    assert page.locator("#bold, main img").count() == 0
    axe(page, "an answer to a text that is not known")

    page.click("#tab-enrolled")
    page.fill("#label", "Card")
    _write(page, CARD, "#enrolled")
    page.locator("#enrolled").get_by_role("button", name="Enroll", exact=True).click()
    card = page.locator("#enrolled .card", has=page.get_by_role("heading", name="Card"))
    card.locator("blockquote").get_by_text(CARD, exact=True).wait_for()
    assert page.locator("#enrolled textarea").input_value() == ""
    page.fill("#label", "Marked")
    _write(page, MARKED, "#enrolled")
    page.keyboard.press("Control+Enter")
    marked = page.locator("#enrolled .card", has=page.get_by_role("heading", name="Marked"))
    marked.locator("blockquote").get_by_text(MARKED, exact=True).wait_for()
    axe(page, "texts that are enrolled")
    marked.get_by_role("button", name="Open").click()
    page.locator(".person blockquote").get_by_text(MARKED, exact=True).wait_for()
    assert page.locator("main u").count() == 0


def test_each_file_is_one_text(opened: Any, reading: Served, tmp_path: Path) -> None:
    files = [tmp_path / "first.txt", tmp_path / "second.txt"]
    for file, text in zip(files, (f"{CANCEL}\ntoday", CARD), strict=True):
        file.write_text(text)
    page = opened(reading)
    page.click("text=Skip this")
    page.click("#desk [data-way=file]")
    page.set_input_files("#desk input[type=file]", files)
    page.locator(".probe").nth(1).get_by_text("second.txt").wait_for()
    until(page, "!document.querySelector('.strip').textContent.includes('…')")
    assert page.locator(".pair blockquote").first.text_content() == f"{CANCEL}\ntoday"
    page.locator(".probe").nth(1).click()
    page.locator(".pair blockquote").get_by_text(CARD, exact=True).wait_for()

    # One that is pasted or dropped anywhere on the field is asked about as well.
    for kind, on, text in (("paste", "#desk", "lost money"), ("drop", "#desk .input", "pay me")):
        page.evaluate(
            """([kind, on, text]) => {
                const carried = new DataTransfer();
                carried.items.add(new File([text], "given.txt", {type: "text/plain"}));
                const facts = {bubbles: true, cancelable: true};
                const event = kind === "paste"
                  ? new ClipboardEvent(kind, {...facts, clipboardData: carried})
                  : new DragEvent(kind, {...facts, dataTransfer: carried});
                document.querySelector(on).dispatchEvent(event);
            }""",
            [kind, on, text],
        )
        page.locator(".pair blockquote").first.get_by_text(text, exact=True).wait_for()

    # Of a long one the first lines are seen.
    page.click("#desk [data-way=write]")
    _ask(page, " ".join([CANCEL] * 60))
    until(
        page,
        "(({clientHeight, scrollHeight}) => 0 < clientHeight && clientHeight < scrollHeight)"
        "(document.querySelector('.pair blockquote'))",
    )


def test_who_got_no_match_is_read_and_the_page_speaks_of_texts(
    opened: Any, reading: Served
) -> None:
    page = opened(reading, color_scheme="dark", **PHONE)
    page.fill("#lesson-name", "Cancel")
    _write(page, CANCEL)
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Now another one.").wait_for()
    page.click("text=Skip this")
    _ask(page, CARD)
    page.wait_for_selector(".answer.unknown")
    axe(page, "an answer to a text in the dark")
    page.click("#tab-inbox")
    page.locator(".visitor blockquote").get_by_text(CARD, exact=True).wait_for()
    for language, words in (("en", ("picture", "recording")), ("de", ("bild", "aufnahmen"))):
        page.select_option("#language", language)
        for part in PARTS:
            page.click(f"#tab-{part}")
            page.wait_for_selector(f"#{part}:not([hidden]) :is(h1, h2)", state="attached")
            text = page.inner_text(f"#{part}")
            assert not [word for word in words if word in text.lower()], (part, text)
    page.select_option("#language", "en")
    page.click("#tab-inbox")
    axe(page, "texts in the inbox")
    page.get_by_role("button", name="New").click()
    page.fill("#visitor-label", "Card")
    page.locator("dialog button.main").click()
    page.click("#tab-enrolled")
    page.locator("#enrolled blockquote").get_by_text(CARD, exact=True).wait_for()


def test_bare_vectors_are_asked_by_a_program(
    opened: Any, windows: list[Any], tmp_path: Path
) -> None:
    with holotype.open(tmp_path / "any.gallery", dim=4) as gallery:
        gallery.enroll("Ada", vectors=np.eye(4)[0])
    server = chromium.serve(tmp_path / "any.gallery")
    try:
        page = opened(server)
        for part in ("desk", "enrolled"):
            page.click(f"#tab-{part}")
            page.locator(f"#{part}").get_by_text("A program asks this gallery").wait_for()
            assert page.locator("textarea, input[type=file]").count() == 0
        close(windows)
    finally:
        server.stop()
