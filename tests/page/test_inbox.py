"""The inbox on the page: who came by is named, by keys and by clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chromium import Served, until

pytestmark = pytest.mark.slow


def of(pictures: Path, *numbers: int) -> list[Path]:
    """The first drawing of some of the characters."""
    folders = sorted(pictures.iterdir())
    return [min(folders[number - 1].iterdir()) for number in numbers]


def ask(page: Any, files: list[Path]) -> None:
    page.click("#tab-desk")
    page.click("#desk [data-way=file]")
    page.set_input_files("#desk .drop input", [str(one) for one in files])
    page.wait_for_selector(".answer:not(.empty)")


def visitors(page: Any, count: int) -> None:
    """Open the inbox and wait until so many are in it."""
    page.click("#tab-inbox")
    until(page, f"document.querySelectorAll('#inbox .visitor').length === {count}")


def test_off_says_how_to_switch_it_on(opened: Any, served: Served) -> None:
    page = opened(served, "inbox")
    text = page.inner_text("#inbox")
    assert "switched off" in text
    assert "holotype serve desk.gallery --inbox 8" in text
    assert "people who were not asked" in text
    assert page.locator(".visitor").count() == 0


def test_named_enrolled_turned_away_and_thrown_away_by_clicks(
    opened: Any, receiving: Served, pictures: Path
) -> None:
    page = opened(receiving, "inbox")
    page.get_by_text("Nobody waits to be named.").wait_for()
    assert "people who were not asked" in page.inner_text("#inbox")
    ask(page, of(pictures, 16, 20, 22, 25, 28))
    visitors(page, 5)
    first = page.locator(".visitor").first
    first.locator("img").wait_for()
    assert "is nearest, alike by" in first.inner_text()
    assert "Asked by owner" in first.inner_text()

    first.get_by_role("button", name="This is").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input").fill("Letter 3")
    dialog.get_by_role("button", name="Say so").click()
    page.get_by_text("It is an example of Letter 3 now.").wait_for()
    until(page, "document.querySelectorAll('#inbox .visitor').length === 4")

    page.locator(".visitor").first.get_by_role("button", name="New", exact=False).click()
    page.get_by_role("dialog").locator("input").fill("Letter 1")
    page.get_by_role("dialog").get_by_role("button", name="Enroll").click()
    page.get_by_text("is enrolled. Say that it is that one").wait_for()
    page.watched.said.clear()  # the 409
    page.locator(".visitor").first.get_by_role("button", name="New", exact=False).click()
    page.get_by_role("dialog").locator("input").fill("A new one")
    page.get_by_role("dialog").get_by_role("button", name="Enroll").click()
    page.get_by_text("A new one: 1 example added.").wait_for()
    until(page, "document.querySelectorAll('#inbox .visitor').length <= 3")

    left = page.locator(".visitor").count()
    page.locator(".visitor").first.get_by_role("button", name="Not one of ours").click()
    until(page, f"document.querySelectorAll('#inbox .visitor').length < {left}")
    page.click("#tab-enrolled")
    page.locator(".card", has_text="A new one").wait_for()
    page.locator(".card", has_text="Letter 3").get_by_text("2 examples").wait_for()
    page.get_by_text("Last change: owner said whether an answer was right").wait_for()


def test_by_keys_alone(opened: Any, receiving: Served, pictures: Path) -> None:
    page = opened(receiving)
    ask(page, of(pictures, 16, 20, 25, 28))
    visitors(page, 4)
    focused = "document.activeElement.dataset.visitor"
    names = page.locator(".visitor").evaluate_all("all => all.map((one) => one.dataset.visitor)")
    page.locator(".visitor").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == names[1]
    page.keyboard.press("x")
    until(page, "document.querySelectorAll('#inbox .visitor').length === 3")
    page.get_by_text("Erased.", exact=True).wait_for()
    # The focus goes on to who is in that place now.
    until(page, f"{focused} === '{names[2]}'")
    page.keyboard.press("m")
    until(page, "document.querySelectorAll('#inbox .visitor').length === 2")
    until(page, f"{focused} === '{names[3]}'")
    page.keyboard.press("n")
    page.get_by_role("dialog").wait_for()
    page.keyboard.type("By keys")
    page.keyboard.press("Enter")
    page.get_by_text("By keys: 1 example added.").wait_for()
    until(page, "document.querySelectorAll('#inbox .visitor').length <= 1")
    ask(page, of(pictures, 20))  # never mind: it is not shown again
    page.click("#tab-inbox")
    until(page, "document.querySelectorAll('#inbox .visitor').length <= 1")
    shown = page.locator(".visitor").evaluate_all("all => all.map((one) => one.dataset.visitor)")
    assert set(shown) <= {names[0]}


def test_several_pictures_of_one_are_one_and_each_can_be_the_example(
    opened: Any, receiving: Served, pictures: Path
) -> None:
    page = opened(receiving)
    folder = sorted(pictures.iterdir())[19]
    ask(page, sorted(folder.iterdir()))
    page.click("#tab-inbox")
    page.wait_for_selector(".visitor")
    several = page.locator(".visitor", has=page.locator(".probe"))
    assert several.count() >= 1
    several.first.get_by_role("button", name="Picture 2").click()
    assert several.first.locator("[aria-pressed=true]").get_attribute("aria-label") == "Picture 2"


def test_who_is_asked_about_at_another_rate_came_by_once(
    opened: Any, receiving: Served, pictures: Path
) -> None:
    page = opened(receiving)
    ask(page, of(pictures, 20))
    page.get_by_role("slider").focus()
    with page.expect_response("**/v1/identify") as stated:
        page.keyboard.press("ArrowLeft")
    (answer,) = stated.value.json()["answers"]
    counts = page.evaluate(
        "async () => (await fetch('metrics', {headers: {Authorization: `Bearer "
        "${sessionStorage.getItem('holotype.key')}`}})).text()"
    )
    decided = [line for line in counts.splitlines() if line.startswith("holotype_decisions_total")]
    assert [line.rpartition(" ")[2] for line in decided] == ["1.0"]
    assert answer["answer"] == "unknown"
    visitors(page, 1)


def test_odd_labels_are_text_and_turn_nothing_around(
    opened: Any, receiving: Served, pictures: Path
) -> None:
    page = opened(receiving, viewport={"width": 390, "height": 844})
    odd = [
        "<img src=x onerror=alert(1)>",
        "W" * 200,
        "a\u202eb",
        "\u05e9\u05dc\u05d5\u05dd",
        "\U0001f984",
    ]
    page.evaluate(_RENAME, odd)
    ask(page, of(pictures, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24))
    for part in ("desk", "enrolled", "inbox", "map", "trust"):
        page.click(f"#tab-{part}")
        page.wait_for_selector(f"#{part} h1", state="attached")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) == 0, part
        assert page.locator("img[src=x]").count() == 0
    assert "-0.0" not in (page.text_content("#trust") or "")
    said = page.evaluate(
        "async (label) => (await import(new URL('texts.js', document.baseURI)))"
        ".t('answer.match.said', {label})",
        odd[2],
    )
    assert said == f"Match: \u2068{odd[2]}\u2069."


_RENAME = """async (labels) => {
  const authorization = `Bearer ${sessionStorage.getItem("holotype.key")}`;
  for (const [index, to] of labels.entries()) {
    await fetch(`v1/identities/Letter%20${index + 1}/rename`, {
      method: "POST", headers: {authorization, "content-type": "application/json"},
      body: JSON.stringify({to}),
    });
  }
}"""
