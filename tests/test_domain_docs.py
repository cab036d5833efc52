"""The pages of the domains run as written."""

from __future__ import annotations

from pathlib import Path

from test_docs import ROOT, run_blocks


def test_the_shelf_shows_its_pack(tmp_path: Path) -> None:
    (output,) = run_blocks(ROOT / "docs" / "shelf.md", tmp_path)
    assert "grocery-train" in output


def test_speech_becomes_a_picture_as_shown(tmp_path: Path) -> None:
    (output,) = run_blocks(ROOT / "docs" / "voice.md", tmp_path)
    assert output.strip() == "(64, 64)"
