"""train, export, evaluate of a run, methods."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from holotype.train import pipeline
from holotype.train.recipes import RECIPES
from toy_packs import write_drawings

Run = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny batches: a second thread would only wait for the first."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def background(tmp_path: Path) -> Path:
    return write_drawings(tmp_path / "background", [f"c{number:02}" for number in range(20)])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first recipe in two steps."""
    recipes = RECIPES["prototypical"]
    name, recipe = next(iter(recipes.items()))
    settings = replace(recipe.settings, steps=2)
    monkeypatch.setitem(recipes, name, replace(recipe, settings=settings, n_way=8))


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_from_pictures_to_a_pack(run: Run, background: Path, tmp_path: Path) -> None:
    folder, pack = tmp_path / "run", tmp_path / "pack"
    train = ("train", "prototypical", "--data", background, "--out", folder, "--seed", 3)
    trained = run(*train, "--json")
    assert trained.exit_code == 0, trained.output
    assert json.loads(trained.stdout) == {"run": str(folder), "pack": None}
    assert "step 2 of 2, loss " in trained.stderr  # a log gets lines, no bar

    again = run(*train)
    assert again.exit_code == 9
    assert "--resume" in again.stderr
    resumed = run(*train, "--resume", "--export", pack)
    assert resumed.exit_code == 0, resumed.output
    assert resumed.stdout.startswith(f"The run is in {folder}\n")
    assert f"The model pack is in {pack}\n" in resumed.stdout
    assert f"The report is in {pack}-report.html\n" in resumed.stdout
    assert "Strangers: stated and measured" in resumed.stdout

    few = ("--data", background, "--n-way", 5, "--n-query", 1, "--episodes", 3, "--json")
    for model in (folder, pack):
        report = json.loads(run("evaluate", model, *few).stdout)
        assert (report["n_way"], report["episodes"]) == (5, 3)


def test_methods(run: Run) -> None:
    listed = json.loads(run("methods", "--json").stdout)
    first = next(entry for entry in listed if entry["method"] == "prototypical")
    assert first["exports"] is True
    assert "Snell" in first["paper"]
    assert (
        first["description"] == "A class is the mean of its support features; a query goes to "
        "the nearest one"
    )
    assert "prototypical" in run("methods").stdout


def test_what_cannot_be_trained_or_exported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for code, *arguments in (
        (9, "train", "nonsense", "--data", "digits", "--out", tmp_path / "run"),
        (9, "train", "prototypical", "--data", "digits", "--out", tmp_path / "run", "--resume"),
        (9, "export", tmp_path / "none", "--out", tmp_path / "pack"),
        (6, "export", tmp_path / "nowhere", "--out", tmp_path / "pack"),
        # Never over what is there, and before any work is done for it.
        (7, "export", tmp_path / "none", "--out", tmp_path / "none"),
        (7, "train", "prototypical", "--data", "digits", "--export", tmp_path / "none"),
    ):
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("started", [True, False])
def test_an_interrupt_while_preparing_says_how_to_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: bool
) -> None:
    folder = tmp_path / "run"

    def interrupted(*arguments: object, **options: object) -> None:
        if started:
            folder.mkdir()
            (folder / "run.json").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "train_run", interrupted)
    arguments = ["train", "prototypical", "--data", "digits", "--out", str(folder)]
    monkeypatch.setattr(sys, "argv", ["holotype", *arguments])
    done = run(*arguments)
    assert done.exit_code == 130
    resume = " --resume" if started else ""
    assert done.stderr == f"interrupted: go on with `holotype {' '.join(arguments)}{resume}`\n"
