"""How a run is planned, and that it goes on as it was planned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toys import build, toy_batch

from holotype.errors import TrainingError
from holotype.train import pipeline, plan, speed
from holotype.train.backbones import Conv4
from holotype.train.checkpoints import read_tensors
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from holotype.train.plan import Plan, Wishes, planned
from holotype.train.recipe import Prepared
from holotype.train.recipes import RECIPES
from holotype.train.settings import TrainingSettings
from holotype.train.speed import Speed, Way
from holotype.train.training import Progress
from toy_photos import write_photos

STEPS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("data") / "stripes", classes=20, each=3)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe for photographs, in small, and the fewest rounds of measuring."""
    monkeypatch.setattr(speed, "_SECONDS", 0.0)
    recipe = RECIPES["prototypical"]["photos"]
    tiny = replace(
        recipe,
        settings=replace(recipe.settings, steps=STEPS, checkpoint_every=2),
        preprocessing=replace(recipe.preprocessing, size_px=16),
        n_way=8,
        build=lambda n_classes, size_px: PrototypicalNetworks(
            Conv4(3, width=8, size_px=size_px), CosineSoftmax(n_classes, 8)
        ),
    )
    monkeypatch.setitem(RECIPES["prototypical"], "photos", tiny)


def run(folder: Path, out: Path, **options: Any) -> None:
    pipeline.train_run("prototypical", str(folder), out, recipe="photos", **options)


def facts(out: Path) -> dict[str, Any]:
    return json.loads((out / "run.json").read_text())


class Stopped(Exception):  # noqa: N818
    pass


def stopping(at: int) -> Any:
    def progress(done: Progress) -> None:
        if done.step == at:
            raise Stopped

    return progress


@pytest.mark.parametrize(("precision", "threads"), [("float32", 2), ("bfloat16", 1)])
def test_a_run_goes_on_as_it_was_planned(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Any, threads: int
) -> None:
    monkeypatch.setattr(plan, "usable_cores", lambda: 2)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(folder, whole, precision=precision, threads=threads)
    with pytest.raises(Stopped):
        run(folder, broken, precision=precision, threads=threads, progress=stopping(3))
    assert facts(broken)["settings"]["precision"] == precision
    assert facts(broken)["threads"] == threads

    # Nothing is said and nothing measured: what is recorded holds.
    monkeypatch.delattr(plan, "measure")
    seen: list[int] = []
    run(folder, broken, resume=True, progress=lambda _: seen.append(torch.get_num_threads()))
    assert seen == [threads] * (STEPS - 2)
    one, other = (read_tensors(out / "method.pt") for out in (whole, broken))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_measuring_changes_nothing_in_the_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, tmp_path / "measured", precision="float32", threads=1)
    fixed = Speed(Way("float32", 1), ((0, 1.0),), ((Way("float32", 1), 1.0),))
    monkeypatch.setattr(plan, "measure", lambda *_: fixed)
    run(folder, tmp_path / "not", precision="float32", threads=1)
    one, other = (read_tensors(tmp_path / name / "method.pt") for name in ("measured", "not"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_what_is_chosen_is_told_and_recorded(folder: Path, tmp_path: Path) -> None:
    told: list[Plan] = []
    run(folder, tmp_path / "run", planning=told.append)
    found = facts(tmp_path / "run")
    way = told[0].way
    assert (found["settings"]["precision"], found["threads"]) == (way.precision, way.threads)
    tried = {(one["precision"], one["threads"]) for one in found["measured"]["seconds_a_step"]}
    assert {("float32", 1), ("bfloat16", 1)} <= tried
    seconds = told[0].seconds_left()
    assert seconds is not None
    assert seconds > 0
    pack = pipeline.export_run(tmp_path / "run", tmp_path / "mine")
    assert pack.card.training["precision"] == way.precision

    run(folder, tmp_path / "run", resume=True, planning=told.append)
    assert told[1].way == way
    assert told[1].done == STEPS
    assert told[1].seconds_left() == 0


@pytest.mark.parametrize(
    ("started", "resumed", "message"),
    [
        ({"steps": 4}, {"steps": 5}, r"with steps=4; it cannot go on with steps=5\. Resume with"),
        ({"precision": "float32"}, {"precision": "bfloat16"}, "cannot go on with precision='bf"),
        ({"threads": 1}, {"threads": 2}, "started with threads=1; it cannot go on with threads=2"),
        ({}, {"minutes": 7.0}, "started with minutes=None; it cannot go on with minutes=7"),
    ],
)
def test_a_run_does_not_go_on_as_another(
    folder: Path, tmp_path: Path, started: Any, resumed: Any, message: str
) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stopped):
        run(folder, out, **started, progress=stopping(2))
    with pytest.raises(TrainingError, match=message):
        run(folder, out, **resumed, resume=True)
    run(folder, out, **started, resume=True)  # to repeat what was said is no contradiction
    run(folder, out, precision="auto", resume=True)


def test_a_run_from_before_there_were_plans_goes_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stopped):
        run(folder, out, progress=stopping(4))
    before = facts(out)
    del before["asked"], before["measured"]
    (out / "run.json").write_text(json.dumps(before))
    told: list[Plan] = []
    run(folder, out, resume=True, planning=told.append)
    assert told[0].seconds_left() is None
    assert (out / "method.pt").exists()


def test_steps_and_the_schedule(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "run", steps=3)
    assert facts(tmp_path / "run")["settings"]["steps"] == 3
    assert len(json.loads((tmp_path / "run" / "history.json").read_text())["loss"]) == 3


READY = Prepared(build("prototypical"), toy_batch, None)
HALVING = TrainingSettings(1000, learning_rate=0.01, schedule="halving", halve_every=100)


@pytest.fixture
def a_second_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = Speed(Way("float32", 1), ((0, 1.0),), ((Way("float32", 1), 1.0),))
    monkeypatch.setattr(plan, "measure", lambda *_: fixed)
    monkeypatch.setattr(plan, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.mark.usefixtures("a_second_a_step")
def test_as_many_steps_as_fit_into_the_minutes() -> None:
    ten = planned(READY, HALVING, Wishes(minutes=10), spent_seconds=40.0)
    assert ten.settings.steps == 500  # of 600 s a tenth in reserve, and 40 are gone
    assert ten.settings.halve_every == 50
    assert ten.seconds_left() == 500
    ample = planned(READY, HALVING, Wishes(minutes=100), spent_seconds=40.0)
    assert ample.settings.steps == 1000  # the recipe's, and not more


@pytest.mark.usefixtures("a_second_a_step")
def test_too_few_minutes_say_how_many_it_takes() -> None:
    with pytest.raises(TrainingError) as caught:
        planned(READY, HALVING, Wishes(minutes=0.5), spent_seconds=10.0)
    assert "minutes=0.5 leaves time for 17 steps on this machine, and a run needs 20" in str(
        caught.value
    )
    assert "Set minutes to at least 0.6" in str(caught.value)
    assert planned(READY, HALVING, Wishes(minutes=0.6), spent_seconds=10.0).settings.steps == 22


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"steps": 0}, "steps=0 is below 1. Set steps to at least 1"),
        ({"threads": 0}, "threads=0 is below 1. Set threads to at least 1"),
        ({"threads": 3}, "threads=3 is more than the number of cores .* 2. Set threads to at most"),
        ({"minutes": 0.0}, "minutes=0 is not a positive number. Set minutes above 0"),
        ({"minutes": float("nan")}, "minutes=nan is not a positive number"),
        ({"precision": "float8"}, "precision='float8' is none .* from auto, float32, bfloat16"),
        ({"steps": 5, "minutes": 1.0}, "steps=5 and minutes=1 exclude each other. Give one"),
    ],
)
def test_what_cannot_be_had_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wishes: Any, message: str
) -> None:
    monkeypatch.setattr(plan, "usable_cores", lambda: 2)
    with pytest.raises(TrainingError, match=message):
        run(folder, tmp_path / "run", **wishes)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_taken_is_refused_before_the_work(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    prepared: list[str] = []
    with pytest.raises(TrainingError, match="is not empty"):
        run(folder, tmp_path, preparing=lambda what, done, total: prepared.append(what))
    assert prepared == []
