"""The pictures of docs/serve.md: each part of the page, in Chromium, on drawings that ship.

python experiments/page_pictures.py
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset

DOCS = Path(__file__).parent.parent / "docs"
PARTS = ("enrolled", "inbox", "map", "trust", "audit", "keys", "settings", "about")
ENROLLED = 20  # characters of all that ship, evenly; strangers lie between them
STRANGERS = 3
PICTURES = 5  # of each character, in what is measured
WIDTH, HEIGHT = 1080, 760
HEIGHTS = {"desk": 900, "map": 1180, "trust": 1480}  # where more belongs together
_QUALITY = 60


def drawings() -> list[list[bytes]]:
    """The first drawings of each character, as PNG files."""
    sample = load_dataset("sample")
    found: list[list[bytes]] = []
    for number in np.unique(sample.class_index):
        pictures = []
        for picture in sample.images[:][sample.class_index == number][:PICTURES]:
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            pictures.append(file.getvalue())
        found.append(pictures)
    return found


def show(page: Any, name: str) -> None:
    """Write what is seen to docs/page-NAME.webp."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHTS.get(name, HEIGHT)})
    page.wait_for_timeout(1500)  # pictures come in one by one, and notes go
    with Image.open(io.BytesIO(page.screenshot())) as seen:
        seen.save(DOCS / f"page-{name}.webp", quality=_QUALITY, method=6)


def ask(page: Any, *contents: bytes) -> None:
    """Show pictures at the desk, and wait for the answer."""
    files = [
        {"name": f"{at}.png", "mimeType": "image/png", "buffer": content}
        for at, content in enumerate(contents)
    ]
    page.click("#tab-desk")
    page.click("#desk [data-way=file]")
    page.set_input_files("#desk .drop input", files)
    page.wait_for_selector(".answer:not(.empty)")


def measure(page: Any, folder: Path, characters: list[list[bytes]]) -> None:
    """Drop all drawings on the tab that is open, and wait for what is measured on them."""
    for number, pictures in enumerate(characters):
        place = folder / f"letter {number}"
        place.mkdir(parents=True)
        for at, picture in enumerate(pictures):
            (place / f"{at}.png").write_bytes(picture)
    page.set_input_files("#trust .evaluate input[webkitdirectory]", folder)
    page.wait_for_selector("#trust .evaluate figure", timeout=600_000)


def walk(page: Any, address: str, folder: Path, characters: list[list[bytes]]) -> None:
    """Show each part once."""
    page.goto(address)
    page.wait_for_selector("#desk h1", state="attached")
    strangers = [characters[2 * number + 1][:2] for number in range(STRANGERS)]
    page.fill("#desk input[type=range]", "3")  # one stranger in ten
    ask(page, *(drawing for each in strangers for drawing in each))
    ask(page, characters[0][1])
    page.evaluate("scrollTo(0, 0)")
    show(page, "desk")
    page.locator("#desk .came").evaluate("at => at.scrollIntoView()")
    show(page, "visitors")
    for part in PARTS:
        page.click(f"#tab-{part}")
        page.wait_for_selector(f"#{part} h1")
        if part == "map":
            page.select_option("#map-rate", "0")  # so lenient that some are confused
            page.wait_for_selector("#map .graph")
        show(page, part)
    page.click("#tab-trust")
    page.wait_for_selector("#trust .evaluate")
    measure(page, folder, characters)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.locator("#trust .evaluate h3").first.evaluate("at => at.scrollIntoView()")
    show(page, "report")


def main() -> None:
    """Serve a small gallery, and take its pictures."""
    from playwright.sync_api import sync_playwright

    characters = drawings()
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "desk.gallery"
        with holotype.open(gallery, keep_pictures=True) as recognizer:
            step = len(characters) // ENROLLED
            for number in range(ENROLLED):
                recognizer.enroll(f"Letter {number + 1}", characters[number * step][0])
        command = [sys.executable, "-m", "holotype", "serve", str(gallery), "--port", "0"]
        command += ["--inbox", "8", "--tell", "match", "--tell", "unknown"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                page = browser.new_page(
                    viewport={"width": WIDTH, "height": HEIGHT},
                    locale="en-US",
                    color_scheme="light",
                )
                page.set_default_timeout(120_000)
                walk(page, address, Path(folder) / "drawings", characters)
                browser.close()
            server.terminate()


if __name__ == "__main__":
    main()
