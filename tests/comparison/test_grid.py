"""compare: the same episodes for all, class-disjoint, and the same table however it was broken."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from holotype.comparison import Progress, compare
from holotype.datasets.catalogue import load_dataset
from holotype.errors import DataError, TrainingError
from holotype.pack import load_pack
from holotype.train import pipeline
from tiny_comparison import CLASSES, FEW, STEPS, draw, run, tell
from toy_packs import make_toy_pack, toy_drawing


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("drawings") / "toys")


@pytest.fixture(scope="module")
def unbroken(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("comparisons") / "unbroken"
    run(drawings, out)
    return out


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_toy_pack(tmp_path / "toy")


def result(out: Path) -> dict[str, Any]:
    """The result without clocks and the names of the machine's folders."""
    found: dict[str, Any] = json.loads((out / "comparison-result.json").read_text())
    for row in found["rows"]:
        del row["training_minutes"]
        for cell in row["cells"]:
            assert cell.pop("ms_per_query") > 0
    return found


def table(out: Path) -> str:
    """The accuracies: everything on the page before what each took."""
    return (out / "comparison.md").read_text().partition("## What each took")[0]


def test_a_folder_is_divided_by_class_trained_on_and_measured(
    unbroken: Path, drawings: Path
) -> None:
    found = result(unbroken)
    parts = found["division"]
    assert not set(parts["background"]) & set(parts["test"])
    assert len(parts["background"]) + len(parts["test"]) == CLASSES
    assert len(parts["test"]) == CLASSES // 3
    assert all(name in (unbroken / "comparison.md").read_text() for name in parts["test"])
    # The division is two files that can be named wherever a data set is named.
    for part, classes in parts.items():
        assert load_dataset(unbroken / f"{part}.json").class_names == tuple(classes)
    first, other = found["rows"]
    assert [row["recipe"] for row in found["rows"]] == ["conv4", "other"]
    assert {row["steps"] for row in found["rows"]} == {STEPS}
    assert first["cells"][0]["difference"] is None
    assert first["cells"][0]["published"] is None  # no paper measured on these drawings
    gap = other["cells"][0]["accuracy"]["value"] - first["cells"][0]["accuracy"]["value"]
    assert other["cells"][0]["difference"]["value"] == pytest.approx(gap, abs=1e-3)
    assert (unbroken / "comparison.svg").read_text().startswith("<svg")


def test_differences_are_taken_episode_by_episode(unbroken: Path) -> None:
    cells = sorted((unbroken / "cells").glob("*3way-1shot.json"))
    stored = [json.loads(path.read_text()) for path in cells]
    assert len({cell["episodes"] for cell in stored}) == 1  # the digest: the very same episodes
    by_name = {cell["contender"]: np.array(cell["cell"]["accuracies"]) for cell in stored}
    gaps = by_name["prototypical:other"] - by_name["prototypical"]
    half = 1.96 * gaps.std(ddof=1) / np.sqrt(len(gaps))
    difference = result(unbroken)["rows"][1]["cells"][0]["difference"]
    assert difference == {
        "value": pytest.approx(gaps.mean(), abs=1e-4),
        "ci95": pytest.approx(half, abs=1e-4),
    }


def test_killed_five_times_it_ends_with_the_same_table(
    unbroken: Path, drawings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "tiny_comparison"])
    chance = random.Random(1)
    kills = 0
    while kills < 5:
        reports, listener = context.Pipe()
        process = context.Process(target=tell, args=(drawings, out, listener))
        process.start()
        listener.close()
        # Looking at the 120 pictures is told as well; what follows is trained or measured.
        heard = 0
        wanted = chance.randint(1, 40)
        while heard < wanted:
            report = reports.recv()
            assert report != "finished", "killed too late to be a test"
            reports.send("go on")
            heard += not report.startswith("looking")
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        process.close()
        reports.close()
        kills += 1
    run(drawings, out)
    assert table(out) == table(unbroken)
    assert result(out) == result(unbroken)
    weights = [
        torch.load(folder / "runs" / "prototypical-conv4" / "method.pt", weights_only=True)
        for folder in (out, unbroken)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


def test_finished_cells_are_not_measured_again(unbroken: Path, drawings: Path) -> None:
    seen: list[Progress] = []
    before = table(unbroken)
    run(drawings, unbroken, seen.append)
    assert {now.what for now in seen} == {"looking at the pictures"}
    assert table(unbroken) == before


def test_what_is_finished_counts_before_the_rest_is_measured(
    unbroken: Path, drawings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(unbroken, out)
    one, *_ = sorted((out / "cells").glob("prototypical-?*3way-1shot.json"))
    assert json.loads(one.read_text())["contender"] == "prototypical"  # the first of them
    one.unlink()
    seen: list[Progress] = []
    run(drawings, out, seen.append)
    assert {now.cells_done for now in seen if now.what.endswith("shot")} == {3}
    assert one.is_file()
    assert table(out) == table(unbroken)


def test_progress_covers_the_grid_with_an_estimate(drawings: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(drawings, tmp_path / "out", seen.append)
    training = [now for now in seen if now.what == "prototypical: training"]
    assert [now.done for now in training] == list(range(1, STEPS + 1))
    assert training[0].seconds_left is not None
    assert {now.cells for now in seen if now.what.endswith("shot")} == {4}
    last = seen[-1]
    assert last.cells_done == 3
    assert last.seconds_left is not None
    assert min(training[0].seconds_left, last.seconds_left) >= 0


def test_packs_runs_and_what_learns_nothing_stand_side_by_side(
    unbroken: Path, drawings: Path, pack: Path, tmp_path: Path
) -> None:
    trained = unbroken / "runs" / "prototypical-conv4"
    # 9 of the classes trained or validated it: it may only be asked about others.
    with pytest.raises(TrainingError, match="learned from 9 of the classes that are tested on"):
        run_with([str(pack), str(trained)], drawings, tmp_path / "seen")
    test = unbroken / "test.json"
    outcome = run_with([str(pack), str(trained), "pixels"], test, tmp_path / "new")
    assert outcome.division is None
    assert [row.facts["parameters"] for row in outcome.rows] == [16 * 16 * 8, 1896, 0]
    values = [row.cells[0].accuracy.value for row in outcome.rows]
    assert all(value > 50 for value in values)  # chance is 33.3
    assert load_pack(pack).card.model_id


def run_with(methods: list[str], data: Path, out: Path, **changed: object) -> Any:
    from holotype.train.recipes import RECIPES
    from tiny_comparison import TINY

    known = RECIPES["prototypical"]
    RECIPES["prototypical"] = {"conv4": TINY}
    try:
        return compare(methods, str(data), out=out, **{**FEW, **changed})  # type: ignore[arg-type]
    finally:
        RECIPES["prototypical"] = known


def test_what_cannot_serve_is_named_and_left_out(pack: Path, tmp_path: Path) -> None:
    data = draw(tmp_path / "mixed", classes=6)
    (data / "c00" / "broken.png").write_bytes(b"no picture")
    Image.new("L", (40, 40), 200).save(data / "c01" / "blank.png")
    Image.fromarray(toy_drawing(3, 0)).save(data / "c02" / "copy.bmp")  # c03/0.png in another form
    Image.fromarray(toy_drawing(4, 1)).save(data / "c04" / "again.png")
    (data / "C05").mkdir()
    for drawer in range(5):
        Image.fromarray(toy_drawing(50, drawer)).save(data / "C05" / f"{drawer}.png")
    outcome = run_with([str(pack)], data, tmp_path / "out")
    assert outcome.unfit.keys() == {
        "c00/broken.png", "c01/blank.png", "c02/copy.bmp", "c03/0.png", "c04/again.png",
    } or outcome.unfit.keys() == {
        "c00/broken.png", "c01/blank.png", "c02/copy.bmp", "c03/0.png", "c04/1.png",
    }  # fmt: skip
    assert outcome.unfit["c02/copy.bmp"] == "the same picture as c03/0.png, another class"
    assert "no contrast" in outcome.unfit["c01/blank.png"]
    assert outcome.remarks == ("the classes 'C05' and 'c05' differ by case alone",)
    outcome.write(tmp_path / "out")
    assert "left out: c00/broken.png" in (tmp_path / "out" / "comparison.md").read_text()
    with pytest.raises(DataError, match="'C05' and 'c05' differ by case alone"):
        run_with([str(pack)], data, tmp_path / "strict", strict=True)
    for picture in (data / "C05").iterdir():
        picture.unlink()
    (data / "C05").rmdir()
    with pytest.raises(DataError, match=r"5 pictures of .* the first of them c00/broken\.png"):
        run_with([str(pack)], data, tmp_path / "strict", strict=True)


@pytest.mark.parametrize(
    ("classes", "examples", "methods", "said"),
    [
        (1, 5, ["{pack}"], "has 1 class with fit pictures"),
        (2, 5, ["{pack}"], "n_way=3 needs 3 classes; 'few' has 2"),
        (9, 5, ["prototypical"], "'few' has 9 classes; 3-way episodes take 3"),
        (12, 1, ["{pack}"], "need 3 examples per class; 'c00' of 'few' has 1"),
    ],
)
def test_too_little_is_refused(
    classes: int, examples: int, methods: list[str], said: str, pack: Path, tmp_path: Path
) -> None:
    data = draw(tmp_path / "few", classes, examples)
    with pytest.raises(DataError, match=said):
        run_with([name.format(pack=pack) for name in methods], data, tmp_path / "out")


def test_a_class_with_one_picture_is_nothing_to_learn_from(tmp_path: Path) -> None:
    data = draw(tmp_path / "few", classes=9, examples=1)
    with pytest.raises(DataError, match="has one picture; to learn what its pictures have in"):
        pipeline.train_run("prototypical", str(data), tmp_path / "run", recipe="conv4")


def test_names_that_cannot_be_compared_are_refused(
    pack: Path, drawings: Path, tmp_path: Path
) -> None:
    for methods, said in (
        (["nonsense"], "'nonsense' is no method"),
        (["prototypical:nonsense"], "no recipe 'nonsense' for prototypical"),
    ):
        with pytest.raises(TrainingError, match=said):
            run_with(methods, drawings, tmp_path / "out")
    with pytest.raises(DataError, match="is named twice"):
        run_with([str(pack), str(pack)], drawings, tmp_path / "out2")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    with pytest.raises(DataError, match="holds no comparison"):
        run_with([str(pack)], drawings, tmp_path / "full")


def test_a_comparison_goes_on_only_as_what_it_was(pack: Path, tmp_path: Path) -> None:
    data, out = draw(tmp_path / "mine", classes=6), tmp_path / "out"
    run_with([str(pack)], data, out)
    assert len(run_with([str(pack)], data, out, n_ways=(3, 5)).rows[0].cells) == 4  # it may grow
    with pytest.raises(DataError, match=r"with other seed \(0; now 1\)"):
        run_with([str(pack)], data, out, seed=1)
    Image.fromarray(toy_drawing(0, 99)).save(data / "c00" / "99.png")
    with pytest.raises(DataError, match="with other contents"):
        run_with([str(pack)], data, out)


def test_a_run_of_an_older_version_is_told_so(unbroken: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    facts = {
        "config": {"method": "prototypical"},
        "settings": {},
        "versions": {"holotype": "0.0.1"},
    }
    (old / "run.json").write_text(json.dumps(facts))
    with pytest.raises(TrainingError, match=r"written by holotype 0\.0\.1"):
        run_with([str(old)], unbroken / "test.json", tmp_path / "out")
    with pytest.raises(TrainingError, match=r"written by holotype 0\.0\.1"):
        pipeline.run_scorer(old)


def test_a_budget_is_kept_to(drawings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_with(["prototypical"], drawings, out, budget=4)
    facts = json.loads((out / "runs" / "prototypical-conv4" / "run.json").read_text())
    assert facts["settings"]["steps"] == 4
    with pytest.raises(TrainingError, match="was trained for 4 steps; the budget is 5"):
        run_with(["prototypical"], drawings, out, budget=5)
