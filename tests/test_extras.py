"""The command that an error names installs the extra, from wherever it is read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from holotype import extras

ROOT = Path(__file__).parent.parent
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_in_the_source_folder_it_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", str(ROOT / ".venv" / "bin" / "python"))
    assert extras.install("train") == (
        'Install it with .venv/bin/python -m pip install -c constraints.txt -e ".[train]"'
    )


def test_elsewhere_it_names_the_source_folder_and_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    interpreter, *words = shlex.split(extras.install_command("faces"))
    assert interpreter == sys.executable
    constraints, source = str(ROOT / "constraints.txt"), f"{ROOT}[faces]"
    assert words == ["-m", "pip", "install", "-c", constraints, "-e", source]


def test_a_source_folder_with_any_name_stays_one_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / 'my "$HOME" \\ folder'
    root.mkdir()
    (root / "pyproject.toml").touch()
    monkeypatch.setattr(extras, "_ROOT", root)
    printed = f"printf %s {extras.install_command('hub').rpartition(' -e ')[2]}"
    done = subprocess.run(["sh", "-c", printed], capture_output=True, text=True)
    assert done.stdout == f"{root}[hub]"


def test_installed_as_a_package_it_goes_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "_ROOT", tmp_path)
    assert extras.install_command("train").endswith(' -m pip install "holotype[train]"')


def test_every_error_asks_here_and_for_an_extra_that_exists() -> None:
    asked = set()
    for file in (ROOT / "src").rglob("*.py"):
        text = file.read_text()
        if file.name != "extras.py":
            assert "pip install" not in text, file
        asked |= set(re.findall(r"""\b(?:install(?:_command)?|Extra)\(\s*["'](\w+)["']""", text))
    assert asked == EXTRAS.keys() - {"dev"}
