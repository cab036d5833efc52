"""What `train` says before it begins, and what it is told of its length and its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from holotype.train.backbones import Conv4
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from holotype.train.recipes import RECIPES
from toy_photos import write_photos

Run = Callable[..., Result]


@pytest.fixture
def train(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    recipe = RECIPES["prototypical"]["photos"]
    tiny = replace(
        recipe,
        preprocessing=replace(recipe.preprocessing, size_px=16),
        n_way=8,
        build=lambda n_classes, size_px: PrototypicalNetworks(
            Conv4(3, width=8, size_px=size_px), CosineSoftmax(n_classes, 8)
        ),
    )
    monkeypatch.setitem(RECIPES["prototypical"], "photos", tiny)
    folder = write_photos(tmp_path / "stripes", classes=20, each=2)
    words = ("train", "prototypical", "--data", folder, "--out", tmp_path / "run")
    return lambda *more: run(*words, *more)


def test_it_says_how_it_learns_and_how_long(train: Run, tmp_path: Path) -> None:
    done = train("--steps", 3, "--precision", "bfloat16", "--threads", 1, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["run"] == str(tmp_path / "run")  # nothing else on stdout
    first, second = done.stderr.splitlines()[:2]
    assert first == "Learns in bfloat16 with 1 thread"
    assert second.startswith("3 steps take about 1 s, until ")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["steps"] == 3

    again = train("--steps", 3, "--resume")
    assert again.stderr.splitlines()[0] == "Goes on with bfloat16 with 1 thread, as it began"
    other = train("--steps", 4, "--resume")
    assert other.exit_code == 9
    assert "with steps=3; it cannot go on with steps=4" in other.stderr


def test_it_says_why(train: Run) -> None:
    done = train("--steps", 2, "--threads", 1)
    line = done.stderr.splitlines()[0]
    assert line.startswith("Learns in ")
    assert " s a step on this machine (" in line
    assert "float32" in line
    assert "bfloat16" in line


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--precision", "float8"), 2),
        (("--steps", "0"), 9),
        (("--minutes", "-1"), 9),
        (("--minutes", "1", "--steps", "3"), 9),
        (("--threads", "0"), 9),
    ],
)
def test_what_is_out_of_range_is_refused(
    train: Run, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    done = train(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert not (tmp_path / "run").exists()


def test_a_run_by_a_file_with_curves_and_a_profile(
    train: Callable[..., Result], run: Run, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboardX")
    assert train("--steps", 3, "--threads", 1, "--precision", "float32").exit_code == 0
    config, again = tmp_path / "run" / "run.json", tmp_path / "again"
    words = ("train", "--config", config, "--seed", 1, "--out", again)
    done = run(*words, "--tensorboard", "--profile")
    assert done.exit_code == 0, done.output
    settings = json.loads((again / "run.json").read_text())["settings"]
    assert (settings["steps"], settings["seed"]) == (3, 1)
    assert {"tensorboard", "profile.json", "profile.txt"} <= {path.name for path in again.iterdir()}
    assert run("train", "--resume", "--out", again).exit_code == 0
    nobody = run("train", "--out", tmp_path / "none")
    assert (nobody.exit_code, nobody.stdout) == (9, "")
    assert "METHOD, --data, --config" in nobody.stderr
