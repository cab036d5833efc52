"""The other panels: the enrolled, what can be promised, the trail, the model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from chromium import Served, until

pytestmark = pytest.mark.slow


def test_enroll_add_and_forget(opened: Any, served: Served, pictures: Path) -> None:
    page = opened(served, "enrolled")
    assert page.locator(".card").count() == 12
    until(page, "document.querySelectorAll('.card img').length === 12")
    mine = sorted(sorted(pictures.iterdir())[20].iterdir())

    page.click("#enrolled [data-way=file]")
    page.set_input_files("#enrolled .drop input", str(mine[0]))
    page.get_by_text("Give it a name first.").wait_for()
    page.fill("#label", "Mine")
    page.fill("#consent", "said yes")
    page.fill("#until", "2999-12-31")
    page.set_input_files("#enrolled .drop input", [str(one) for one in mine[:2]])
    card = page.locator(".card", has_text="Mine")
    card.get_by_text("2 examples").wait_for()
    assert "Permission: said yes" in card.inner_text()
    assert "Kept until Dec 31, 2999" in card.inner_text()

    page.evaluate(_DROP, list(mine[2].read_bytes()))
    page.locator(".card", has_text="Mine").get_by_text("3 examples").wait_for()

    page.get_by_role("button", name="Forget Mine").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Forget Mine").click()
    page.get_by_role("button", name="Forget for good").click()
    page.get_by_text("Erased: identity").wait_for()
    assert page.locator(".card").count() == 12
    assert page.evaluate("document.activeElement.tagName") == "H1"


_DROP = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "a.png", {type: "image/png"}));
  const cards = [...document.querySelectorAll(".card")];
  const card = cards.find((one) => one.textContent.includes("Mine"));
  card.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def test_a_folder_of_folders_enrolls_many(
    opened: Any, served: Served, pictures: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    for number, label in enumerate(("Ada", "Bob", "Cy")):
        shutil.copytree(sorted(pictures.iterdir())[20 + number], many / label)
    (many / "Cy" / "broken.png").write_bytes(b"no picture")
    page = opened(served, "enrolled")
    page.set_input_files("#enrolled input[webkitdirectory]", many)
    page.get_by_text("2 of 3 folders are enrolled.").wait_for()
    page.get_by_text("Cy is not enrolled.").wait_for()
    for label in ("Ada", "Bob"):
        page.locator(".card", has_text=label).get_by_text("3 examples").wait_for()
    assert page.locator(".card").count() == 14
    page.watched.said.clear()  # the 422


def test_another_kind_of_picture_is_asked_about(
    opened: Any, served: Served, tmp_path: Path
) -> None:
    import numpy as np
    from PIL import Image

    photo = tmp_path / "photo.png"
    tones = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    Image.fromarray(tones).resize((240, 240), Image.Resampling.BICUBIC).save(photo)
    page = opened(served, "enrolled")
    page.fill("#label", "Photo")
    page.click("#enrolled [data-way=file]")
    page.set_input_files("#enrolled .drop input", str(photo))
    page.get_by_text("of another kind").first.wait_for()
    page.get_by_role("button", name="Enroll it anyway").click()
    page.locator(".card", has_text="Photo").wait_for()
    page.watched.said.clear()  # the refusal is a 422


def test_strangers_are_shown_first_and_stored_then(
    opened: Any, served: Served, pictures: Path
) -> None:
    page = opened(served, "trust")
    assert "Guaranteed: at most 15.4% of strangers pass." in page.inner_text("#trust .lead")
    assert page.locator("#trust > .scroll tbody tr").count() == 4
    zones = page.locator(".ladder > div:not(.legend)")
    kinds = [one.get_attribute("class") for one in zones.all()]
    assert kinds[:3] == ["guaranteed"] * 3
    assert kinds[3] == "estimated"
    assert kinds == sorted(kinds, key=["guaranteed", "estimated", "refused"].index)

    strangers = [min(one.iterdir()) for one in sorted(pictures.iterdir())[12:]]
    own = min(sorted(pictures.iterdir())[0].iterdir())  # enrolled: no stranger
    page.click("#trust [data-way=file]")
    page.set_input_files("#trust .drop input", [str(one) for one in (own, *strangers)])
    page.wait_for_selector(".change")
    assert "What 18 strangers would change" in page.inner_text(".change")
    assert "Left out, since they look like somebody enrolled" in page.inner_text(".change")
    assert page.locator(".lines li").count() == 0
    page.click("text=Keep these pictures")
    page.wait_for_selector(".lines li")
    assert "18 strangers" in page.inner_text(".lines li")
    assert "1 in 5" in page.inner_text("#trust") or "%" in page.inner_text("#trust .lead")

    page.click(".lines button")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("They no longer count.").wait_for()
    until(page, "!document.querySelector('.lines')")


def test_what_strangers_reach_is_drawn_and_said(
    opened: Any, served: Served, pictures: Path
) -> None:
    page = opened(served, "trust")
    scores = page.locator("#trust .scores")
    assert "nothing was asked since the server started" in scores.inner_text()
    rows = scores.locator("tbody tr")
    assert rows.first.inner_text().startswith("12 enrolled")
    assert scores.locator("rect.enrolled").count() > 1
    assert scores.locator("rect.cohort").count() > 1
    assert scores.locator("rect.asked").count() == 0
    known = page.locator("#trust .badge").all_inner_texts()
    drawn = [scores.locator(f".cut.{one}").count() for one in ("guaranteed", "estimated")]
    assert drawn == [known.count("Guaranteed"), known.count("Estimated")]
    levels = [float(one.get_attribute("x1")) for one in scores.locator(".cut").all()]
    assert levels[0] < levels[-1] <= 460

    page.click("#tab-desk")
    page.click("#desk [data-way=file]")
    probes = [str(sorted(one.iterdir())[1]) for one in sorted(pictures.iterdir())[:6]]
    page.set_input_files("#desk .drop input", probes)
    page.wait_for_selector(".answer:not(.empty)")
    page.click("#tab-trust")
    scores.locator("rect.asked").first.wait_for()
    assert rows.count() == 3
    assert "asked about lately" in rows.last.inner_text()
    assert "Drift: none shows" in scores.inner_text()


def test_too_few_for_a_plot_are_told(opened: Any, empty: Served, pictures: Path) -> None:
    page = opened(empty, "enrolled")
    page.fill("#label", "Ada")
    page.click("#enrolled [data-way=file]")
    page.set_input_files("#enrolled .drop input", str(min(min(pictures.iterdir()).iterdir())))
    page.locator(".card", has_text="Ada").wait_for()
    page.click("#tab-trust")
    page.get_by_text("needs at least three that are enrolled").wait_for()
    assert page.locator("#trust .plot").count() == 0


def test_trail_and_model(opened: Any, served: Served) -> None:
    page = opened(served, "audit")
    page.get_by_text("No line is missing or changed.").wait_for()
    rows = page.locator("#audit tbody tr")
    assert rows.count() == 13
    assert "made the gallery" in rows.last.inner_text()
    page.click("#tab-about")
    page.get_by_text("reads ink on paper").wait_for()
    text = page.inner_text("#about")
    for said in ("Apache-2.0", "omniglot", "Where it is weak", "no proof against forgers"):
        assert said in text
    assert page.locator("#about tbody tr").count() == 3
