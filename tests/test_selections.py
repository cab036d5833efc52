"""Each part of the tests is told by its place, and what is left out or missing is said."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from hanging import HANGS_S
from parts import TESTS, part_of

# What only the tests of a part import or ask for.
_SIGNS = {
    "page": {"chromium"},
    "servers": {"real_server", "receivers", "films", "postgres", "milvus", "url", "indexed"},
    "fuzzing": {"fuzzing"},
    "ray": {"ray_cluster"},
    "examples": {"walk"},
}
_TESTS = """
import pytest

def test_quick(): pass

@pytest.mark.slow
def test_slow(): pass

@pytest.mark.data
def test_on_data(data_dir): pass
"""
_SETTINGS = """
[pytest]
pythonpath = .
markers =
  slow: slow
  data: data
"""


@cache
def signs(file: Path) -> set[str]:
    """The names that a file of tests imports, and those that its tests ask for."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(one.name for one in node.names)}
        elif isinstance(node, ast.FunctionDef):
            found |= {one.arg for one in node.args.args}
    return found


@pytest.mark.parametrize("part", _SIGNS)
def test_what_a_part_alone_needs_is_asked_for_nowhere_else(part: str) -> None:
    other = {"servers": {"page", "fuzzing"}}.get(part, set()) | {part}
    found = [file for file in TESTS.rglob("test_*.py") if signs(file) & _SIGNS[part]]
    assert part in set(map(part_of, found))
    assert [file for file in found if part_of(file) not in other] == []


def test_a_part_is_a_mark_that_nobody_writes(suite: Path) -> None:
    code, said = outcome(suite, "-m", "page")
    assert code == 0
    assert "1 passed" in said


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    for name in ("conftest.py", "parts.py"):
        shutil.copy(TESTS / name, tmp_path)
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "test_desk.py").write_text("def test_page(): pass")
    (tmp_path / "test_it.py").write_text(_TESTS)
    (tmp_path / "pytest.ini").write_text(_SETTINGS)
    return tmp_path


def outcome(suite: Path, *options: str, data: str = "") -> tuple[int, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "HOLOTYPE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", *options],
        cwd=suite,
        env=inherited | ({"HOLOTYPE_DATA": data} if data else {}),
        capture_output=True,
        text=True,
        timeout=HANGS_S,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("processes", [(), ("-n", "2")])
def test_what_is_left_out_is_said(suite: Path, processes: tuple[str, ...]) -> None:
    code, said = outcome(suite, "-m", "core and not slow and not data", *processes)
    assert code == 0
    assert "Left to `make check-all`: 1 page, 1 slow, 1 data (see CONTRIBUTING.md)." in said
    assert "1 passed" in said


def test_what_is_missing_is_named_or_red(suite: Path) -> None:
    code, said = outcome(suite)
    assert code == 0
    assert "Skipped 1: needs the data sets: set HOLOTYPE_DATA to their folder." in said
    code, said = outcome(suite, "--nothing-missing")
    assert code == 1
    assert "needs the data sets" in said
    code, said = outcome(suite, "--nothing-missing", data=str(suite))
    assert code == 0
    assert "4 passed" in said
