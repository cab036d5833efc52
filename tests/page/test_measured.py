"""A measurement on a folder of the owner's, on the tab Trust."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from chromium import PHONE, Served, axe
from holotype.gallery.beside import Beside
from holotype.gallery.job_log import TABLE

pytestmark = pytest.mark.slow


@pytest.fixture
def grouped(pictures: Path, tmp_path: Path) -> Path:
    """Fifteen characters of each of two groups."""
    for number, folder in enumerate(sorted(pictures.iterdir())):
        shutil.copytree(folder, tmp_path / "mine" / ("pen", "brush")[number % 2] / folder.name)
    return tmp_path / "mine"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_dropped_folder_is_measured_and_told_as_table_and_plot(
    opened: Any, served: Served, grouped: Path, theme: str
) -> None:
    page = opened(served, "trust", color_scheme=theme, **PHONE)
    page.set_input_files(".evaluate [webkitdirectory]", str(grouped))
    page.locator(".evaluate table").first.wait_for()
    text = page.inner_text("#measured-outcome")
    assert "90 pictures of 30" in text
    groups = page.locator(".evaluate table >> nth=1")
    assert {"pen", "brush"} <= set(groups.locator("tbody th").all_inner_texts())
    assert page.locator(".plot circle").count() > 0
    axe(page, f"measured, {theme}")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Take the whole report along").click()
    assert "<html" in taken.value.path().read_text()
    page.reload()  # it stays for a day
    page.click("#tab-trust")
    page.locator(".evaluate table").first.wait_for()
    page.get_by_role("button", name="Erase the result").click()
    page.get_by_text("The result is erased.").wait_for()
    assert page.locator(".evaluate table").count() == 0


class Table(Beside):
    """The jobs of a server, beside it."""

    _what, _tables = "jobs", (TABLE,)


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("interrupted", "interrupted", "does not go on with it"),
        ("done", "forgotten", "somebody whom it named was forgotten"),
    ],
)
def test_a_result_that_is_not_there_is_explained(
    opened: Any, served: Served, state: str, code: str, said: str
) -> None:
    jobs = Table(served.gallery.with_name("desk.gallery.jobs"))
    with jobs._changing() as connection:
        connection.execute(
            "INSERT INTO jobs (id, kind, state, actor, server, created, ended, done, total, code)"
            " VALUES ('a', 'evaluate', ?, 'owner', 'gone', ?, ?, 3, 9, ?)",
            (state, *("2999-01-01T00:00:00+00:00",) * 2, code),
        )
    jobs.close()
    page = opened(served, "trust")
    page.locator(".evaluate").get_by_text(said).wait_for()
