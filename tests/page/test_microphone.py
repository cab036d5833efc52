"""The desk of a gallery that hears: a microphone, recordings, and what to do without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chromium
from chromium import Served, Watched, axe, close

pytest.importorskip("soundfile", reason="needs the extra `audio`")
pytest.importorskip("soxr", reason="needs the extra `audio`")

from toy_voices import saved, voice

pytestmark = pytest.mark.slow
PARTS = ("desk", "enrolled", "inbox", "map", "trust", "audit", "settings", "about")


@pytest.fixture
def hearing(tmp_path: Path, windows: list[Any]) -> Iterator[Served]:
    """A server of an empty gallery of voices."""
    options = ("--model", "voices", "--inbox", "2", "--keep-pictures")
    server = chromium.serve(tmp_path / "heard.gallery", None, *options)
    yield server
    close(windows)
    server.stop()


def test_a_voice_is_enrolled_and_known_again_from_the_microphone(
    browser: Any, hearing: Served, windows: list[Any], tmp_path: Path
) -> None:
    said, other = tmp_path / "said.wav", tmp_path / "other.wav"
    said.write_bytes(saved(voice(0, 8.0), subtype="PCM_16"))
    other.write_bytes(saved(voice(1, 6.0), subtype="PCM_16"))
    listening = browser.browser_type.launch(
        executable_path=chromium.program(),
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={said}",
        ],
    )
    windows.append(listening)
    page = listening.new_page(locale="en-US")
    page.set_default_timeout(chromium.WAIT_MS)
    seen = chromium.watch(page, hearing)
    page.goto(f"{hearing.address}#key={hearing.key}")

    # The first minute begins: one voice is enrolled with the microphone.
    page.fill("#lesson-name", "Ada")
    page.click("#desk [data-way=microphone]")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("heading", name="Now another one.").wait_for()
    page.click("text=Skip this")

    page.get_by_role("heading", name="Who or what is heard?").wait_for()
    page.click("#desk [data-way=microphone]")
    axe(page, "the microphone")
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_selector(".answer.match")
    assert page.inner_text(".answer .who") == "Ada"
    chromium.until(page, "document.querySelectorAll('.pair audio').length === 2")
    axe(page, "an answer to a recording")

    # What was recorded is a recording: the server heard all of it.
    chromium.until(page, "document.querySelector('.pair audio').duration > 5.9")

    page.click("#desk [data-way=file]")
    page.set_input_files("#desk input[type=file]", other)
    page.wait_for_selector(".answer.unknown")

    # Who got no match can be listened to, and no part of the page speaks of pictures.
    page.click("#tab-inbox")
    page.wait_for_selector(".visitor audio")
    chromium.until(page, "document.querySelector('.visitor audio').duration > 5.9")
    for language, word in (("en", "picture"), ("de", "bild")):
        page.select_option("#language", language)
        for part in PARTS:
            page.click(f"#tab-{part}")
            page.wait_for_selector(f"#{part}:not([hidden]) :is(h1, h2)", state="attached")
            text = page.inner_text(f"#{part}")
            assert word not in text.lower(), (part, text)
            assert "about.kind" not in text
        axe(page, f"the model in {language}")
    assert seen == Watched()


def test_microphone_that_may_not_be_used(opened: Any, hearing: Served) -> None:
    page = opened(hearing)
    page.click("#desk [data-way=microphone]")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("alert").get_by_text("The browser may not use the microphone.").wait_for()
    assert page.get_by_role("button", name="Record", exact=True).is_enabled()


def test_no_microphone(opened: Any, hearing: Served) -> None:
    page = opened(hearing)
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia ="
        " async () => { throw new DOMException('', 'NotFoundError'); }; }"
    )
    page.click("#desk [data-way=microphone]")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("alert").get_by_text("There is no microphone.").wait_for()
