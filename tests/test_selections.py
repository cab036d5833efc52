"""What `make test` leaves out is said, and continuous integration misses nothing in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hanging import HANGS_S

_TESTS = """
import pytest

def test_quick(): pass

@pytest.mark.slow
def test_slow(): pass

@pytest.mark.data
def test_on_data(data_dir): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_it.py").write_text(_TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: slow\n  data: data\n")
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
def test_what_is_left_to_make_check_is_said(suite: Path, processes: tuple[str, ...]) -> None:
    code, said = outcome(suite, "-m", "not slow and not data", *processes)
    assert code == 0
    assert "Left to `make check`: 1 that take long, and 1 on data sets" in said
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
    assert "3 passed" in said
