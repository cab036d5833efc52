from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from holotype.train.recipes import RECIPES

Run = Callable[..., Result]


def test_show_memory(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["ntm"]["lstm"]
    quick = replace(recipe, settings=replace(recipe.settings, steps=1))
    monkeypatch.setitem(RECIPES["ntm"], "lstm", quick)
    folder = tmp_path / "run"
    trained = run("train", "ntm", "--data", "copy", "--recipe", "lstm", "--out", folder)
    assert trained.exit_code == 0, trained.output
    done = run("show", "memory", folder)
    assert done.stdout == f"The picture is {folder / 'memory.png'}\n"
    with Image.open(folder / "memory.png") as image:
        assert image.format == "PNG"
    other = tmp_path / "other.png"
    answer = json.loads(run("show", "memory", folder, "--out", other, "--json").stdout)
    assert answer == {"picture": str(other)}
    assert other.exists()
    missing = run("show", "memory", tmp_path / "none")
    assert missing.exit_code == 9
    assert "holds no training run" in missing.stderr
