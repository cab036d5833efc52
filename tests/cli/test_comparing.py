"""compare: what is asked for comes out, as a table, as JSON, and as files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from holotype import comparison

Run = Callable[..., Result]
FEW = ("--data", "digits", "--n-way", "3,4", "--n-query", 2, "--episodes", 5)


def test_a_table_json_and_files(run: Run, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("compare", pack, "characters", *FEW, "--out", out)
    assert done.exit_code == 0, done.output
    assert "3-way 1-shot on digits, evaluation" in done.stdout
    assert "4-way 1-shot on digits, evaluation" in done.stdout
    assert f"Written: {out / 'comparison.md'}" in done.stdout
    again = json.loads(run("compare", pack, "characters", *FEW, "--out", out, "--json").stdout)
    assert [row["name"] for row in again["rows"]] == [pack.name, "characters"]
    assert [cell["n_way"] for cell in again["rows"][1]["cells"]] == [3, 4]
    assert again["written"][0] == str(out / "comparison.md")


@pytest.mark.parametrize("numbers", ["", "5,", "a", "0", "5,5", "-3"])
def test_a_list_of_numbers_is_one(run: Run, pack: Path, tmp_path: Path, numbers: str) -> None:
    done = run("compare", pack, "--data", "digits", "--n-way", numbers, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_pictures_that_cannot_serve_are_named_on_stderr(
    run: Run, pack: Path, drawings: Path, tmp_path: Path
) -> None:
    for character in range(3):
        folder = tmp_path / "data" / f"c{character}"
        folder.mkdir(parents=True)
        for drawer in range(3):
            picture = (drawings / f"{character}-{drawer}.png").read_bytes()
            (folder / f"{drawer}.png").write_bytes(picture)
    (tmp_path / "data" / "c1" / "torn.png").write_bytes(b"torn")
    ask = ("compare", pack, "--data", tmp_path / "data", "--n-way", 3, "--n-query", 1,
           "--episodes", 3)  # fmt: skip
    done = run(*ask, "--out", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["unfit"].keys() == {"c1/torn.png"}
    assert "left out c1/torn.png: " in done.stderr
    assert "1 picture was left out" in done.stderr
    strict = run(*ask, "--out", tmp_path / "strict", "--strict")
    assert (strict.exit_code, strict.stdout) == (8, "")
    assert "c1/torn.png" in strict.stderr


def test_an_interrupt_says_how_to_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "compare", interrupted)
    arguments = ["compare", "pixels", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["holotype", *arguments])
    done = run(*arguments)
    assert done.exit_code == 130
    assert done.stderr == f"interrupted: go on with `holotype {' '.join(arguments)}`\n"
