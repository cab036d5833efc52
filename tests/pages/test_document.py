"""A page is for its owner, since it may show people."""

from __future__ import annotations

import stat
from pathlib import Path

from holotype.pages import write


def test_a_page_that_replaces_one_that_all_may_read_is_for_its_owner_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")
    page.chmod(0o644)
    write(page, "<img>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert page.read_text() == "<img>"
