"""A run that a file defines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from holotype.errors import TrainingError
from holotype.train import pipeline, speed
from holotype.train.backbones import Conv4
from holotype.train.checkpoints import read_tensors
from holotype.train.config import RunConfig, read_config
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.recipes import RECIPES
from holotype.train.settings import TrainingSettings, changed
from toy_photos import write_photos


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Pictures, and two small recipes to learn from them."""
    monkeypatch.setattr(speed, "_SECONDS", 0.0)
    recipe = RECIPES["prototypical"]["photos"]
    small = replace(
        recipe,
        settings=replace(recipe.settings, steps=4),
        preprocessing=replace(recipe.preprocessing, size_px=16),
        n_way=8,
        build=lambda n_classes, size_px: PrototypicalNetworks(Conv4(3, width=8, size_px=size_px)),
    )
    for name in ("photos", "other"):
        monkeypatch.setitem(RECIPES["prototypical"], name, small)
    return str(write_photos(tmp_path / "stripes", classes=20, each=3))


def same(a: Path, b: Path) -> bool:
    one, other = read_tensors(a / "method.pt"), read_tensors(b / "method.pt")
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_run_json_of_a_run_defines_it_to_the_last_bit(folder: str, tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    like = RunConfig(settings={"learning_rate": 0.02, "seed": 3, "accumulate": 2}, threads=1)
    pipeline.train_run("prototypical", folder, first, like=like, recipe="other", steps=3)
    config = read_config(first / "run.json")
    pipeline.train_run(None, None, again, like=config)
    facts = [json.loads((run / "run.json").read_text()) for run in (first, again)]
    for key in ("config", "settings", "threads"):
        assert facts[0][key] == facts[1][key]
    assert facts[0]["settings"]["learning_rate"] == 0.02
    assert same(first, again)
    pipeline.train_run(None, None, other, like=config, seed=4, precision="float32")
    assert json.loads((other / "run.json").read_text())["settings"]["seed"] == 4
    assert not same(first, other)
    # To resume, nothing but the folder has to be said.
    pipeline.train_run(None, None, first, resume=True)
    with pytest.raises(TrainingError, match=r"with seed=3; it cannot go on with seed=0"):
        pipeline.train_run(None, None, first, resume=True, seed=0)
    longer = replace(config, settings={**config.settings, "steps": 5})
    with pytest.raises(TrainingError, match=r"with steps=3; it cannot go on with steps=5"):
        pipeline.train_run(None, None, first, resume=True, like=longer)


def test_a_run_that_began_with_another_needs_it_again(folder: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    pipeline.train_run("prototypical", folder, first, recipe="other", threads=1)
    pipeline.train_run("prototypical", folder, second, recipe="other", begin=first, threads=1)
    like = read_config(second / "run.json")
    with pytest.raises(
        TrainingError, match=r"begins with the weights of a run of 4 steps .* --from"
    ):
        pipeline.train_run(None, None, tmp_path / "third", like=like)
    pipeline.train_run(None, None, tmp_path / "third", like=like, begin=first)
    assert same(second, tmp_path / "third")


def test_toml_in_the_same_words(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(
        'threads = 1\n[config]\nmethod = "prototypical"\ndata = "sample"\n'
        "[settings]\nsteps = 5\nlearning_rate = 1\n"
    )
    assert read_config(file) == RunConfig(
        "prototypical", None, "sample", None, {"steps": 5, "learning_rate": 1}, 1
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "[settings", "is not TOML"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[]", "defines no run"),
        ("a.toml", "[setings]\nsteps = 5", "says 'setings', which is no part of a top-level word"),
        ("a.toml", "[config]\nmodel = 5", "says 'model', which is no part of config"),
        (None, "", "cannot be read"),
    ],
)
def test_files_that_define_nothing(
    tmp_path: Path, name: str | None, text: str, message: str
) -> None:
    file = tmp_path / (name or "none.json")
    if name:
        file.write_text(text)
    with pytest.raises(TrainingError, match=message):
        read_config(file)


def test_what_nobody_names_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"needs a method and data .* METHOD, --data, --config"):
        pipeline.train_run(None, "sample", tmp_path / "run")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0.1}, r"there is no setting 'rate'\. Choose from steps, learning_rate, "),
        ({"steps": 5.0}, r"steps=5.0 is no whole number\. Set steps to a whole number"),
        ({"steps": True}, "steps=True is no whole number"),
        ({"steps": -5}, "steps=-5 is below 1"),
        ({"learning_rate": "high"}, "learning_rate='high' is no number"),
        ({"schedule": "linear"}, "schedule='linear' is none of"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        changed(TrainingSettings(10, learning_rate=0.1), values)


def test_other_steps_stretch_the_schedule_unless_it_is_said_too() -> None:
    settings = TrainingSettings(100, learning_rate=0.1, schedule="halving", halve_every=20)
    assert changed(settings, {"steps": 50}).halve_every == 10
    assert changed(settings, {"steps": 50, "halve_every": 20}).halve_every == 20
