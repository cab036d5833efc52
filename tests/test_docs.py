"""Docs that cannot drift: examples run as written, tables equal their result files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hanging import HANGS_S

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_EXECUTED = re.compile(
    r"<!-- executed by tests/test_docs\.py -->\n```(sh|python)\n(.*?)```", re.DOTALL
)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)\)")


def run_blocks(page: Path, folder: Path) -> list[str]:
    """Run the marked blocks of a page one after the other in a folder; returns their outputs."""
    # The command that belongs to this interpreter, as an activated environment would find it.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    outputs = []
    for language, code in _EXECUTED.findall(page.read_text()):
        command = ["sh", "-e", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANGS_S
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    return outputs


def test_the_examples_of_the_readme_do_what_they_say(tmp_path: Path) -> None:
    shell, python = run_blocks(ROOT / "README.md", tmp_path)
    assert "match" in shell
    assert "match gimel" in python
    assert "match beth" not in python


def test_the_examples_about_keeping_a_gallery_run(tmp_path: Path) -> None:
    (output,) = run_blocks(ROOT / "docs" / "keeping.md", tmp_path)
    assert "Intact" in output
    assert "Sound." in output


@pytest.mark.slow
def test_the_examples_about_comparing_run(tmp_path: Path) -> None:
    shell, python = run_blocks(ROOT / "docs" / "comparing.md", tmp_path)
    assert "## 20-way 1-shot" in shell
    assert "| characters | " in shell
    assert float(python) > 0.7  # two of the eight look alike; chance is 0.125


@pytest.mark.slow
def test_the_examples_about_packs_run(tmp_path: Path) -> None:
    (output,) = run_blocks(ROOT / "docs" / "packs.md", tmp_path)
    assert "The promise about strangers" in output
    assert output.count("ok: ") == 6
    assert (tmp_path / "mine-report.html").is_file()


def test_the_examples_are_as_short_as_promised() -> None:
    blocks = dict(_EXECUTED.findall((ROOT / "README.md").read_text()))
    assert len(blocks["sh"].strip().splitlines()) == 5
    assert len([line for line in blocks["python"].splitlines() if line.strip()]) == 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target for target in _LINK.findall(page.read_text()) if not (page.parent / target).exists()
    ]
    assert missing == []


def test_the_tables_equal_their_result_files() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "tables.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
