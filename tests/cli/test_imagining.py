"""holotype imagine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

Run = Callable[..., Result]


def test_a_sheet_of_kin(
    run: Run, pack: Path, drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "sheet.png"
    done = run("imagine", pack, drawings / "1-0.png", drawings / "2-0.png", "--n", 3, "--out", out)
    assert done.exit_code == 0, done.output
    assert f"The sheet is in {out}" in done.stdout
    first = out.read_bytes()
    with Image.open(out) as sheet:
        assert sheet.width > 300

    monkeypatch.chdir(tmp_path)
    for name in ("imagined.png", "imagined-2.png"):
        done = run("imagine", pack, drawings / "1-0.png", drawings / "2-0.png", "--n", 3, "--json")
        assert json.loads(done.stdout)["written"] == name
        assert (tmp_path / name).read_bytes() == first  # the same seed, the same sheet


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--n", 0], "--n"),
        (["--n", 1_000_000], "--n"),
        (["--between"], "two images or more"),
        (["--seed", -1], "--seed"),
    ],
)
def test_wrong_command_lines(
    run: Run, pack: Path, drawings: Path, arguments: list[object], says: str
) -> None:
    done = run("imagine", pack, drawings / "1-0.png", *arguments)
    assert done.exit_code == 2
    assert says in " ".join(done.output.replace("│", " ").split())


def test_what_cannot_be_drawn_from(run: Run, pack: Path, drawings: Path, tmp_path: Path) -> None:
    Image.new("L", (30, 30), 255).save(tmp_path / "blank.png")
    blank = run("imagine", pack, tmp_path / "blank.png", "--out", tmp_path / "a.png")
    assert blank.exit_code == 3
    assert "no contrast" in blank.stderr
    missing = run("imagine", tmp_path / "no-pack", drawings / "1-0.png")
    assert missing.exit_code == 7
    existing = run("imagine", pack, drawings / "1-0.png", "--out", drawings / "1-0.png")
    assert existing.exit_code == 8
    assert "exists already" in existing.stderr
    nowhere = run(
        "imagine", pack, drawings / "1-0.png", "--out", tmp_path / "no-folder" / "sheet.png"
    )
    assert nowhere.exit_code == 11
    between = run("imagine", pack, *[drawings / "1-0.png"] * 2, "--between")
    assert between.exit_code == 2
    assert not list(tmp_path.glob("*.png"))[1:]
