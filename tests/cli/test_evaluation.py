"""evaluate: the same figures for a pack, a gallery's model and a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from toy_packs import write_drawings

Run = Callable[..., Result]
FEW = ("--data", "digits", "--n-way", 4, "--n-query", 2, "--episodes", 5)


def test_a_report_has_its_fields_in_percent(run: Run, pack: Path) -> None:
    report = json.loads(run("evaluate", pack, *FEW, "--k-shot", 2, "--json").stdout)
    assert report["protocol"] == "evaluation"
    assert [report[key] for key in ("n_way", "k_shot", "n_query", "episodes")] == [4, 2, 2, 5]
    assert 0 <= report["accuracy"] <= 100
    assert report["error_percent"] == pytest.approx(100 - report["accuracy"])
    assert report["ci95"] > 0
    assert report["seconds"] >= 0


def test_a_gallery_stands_for_its_model_and_the_seed_draws_the_episodes(
    run: Run, pack: Path, desk: Path
) -> None:
    def accuracy(model: Path, seed: int) -> tuple[float, float]:
        report = json.loads(run("evaluate", model, *FEW, "--seed", seed, "--json").stdout)
        return report["accuracy"], report["ci95"]

    assert accuracy(pack, 1) == accuracy(desk, 1) == accuracy(pack, 1)
    assert accuracy(pack, 1) != accuracy(pack, 2)


def test_a_folder_of_class_folders(run: Run, pack: Path, tmp_path: Path) -> None:
    write_drawings(tmp_path, ["c0", "c1", "c2"])
    done = run("evaluate", pack, "--data", tmp_path, "--n-way", 3, "--n-query", 1,
               "--episodes", 4, "--json")  # fmt: skip
    assert json.loads(done.stdout)["accuracy"] > 50  # chance is 33
    table = run("evaluate", pack, *FEW)
    assert "evaluation, 4-way 1-shot" in table.stdout


def test_an_open_set_of_one_class_has_no_stranger(run: Run, pack: Path, tmp_path: Path) -> None:
    write_drawings(tmp_path, ["c0"])
    done = run("evaluate", pack, "--data", tmp_path, "--protocol", "open-set", "--json")
    assert (done.exit_code, done.stdout) == (8, "")
    assert "at least 3 classes" in done.stderr


def test_groups_are_told_by_themselves(run: Run, pack: Path, tmp_path: Path) -> None:
    write_drawings(tmp_path / "data", [f"c{number}" for number in range(20)])
    groups = tmp_path / "groups.csv"
    of_each = (f"c{at},{'few' if at < 3 else 'many'}\n" for at in range(20))
    groups.write_text("label,group\n" + "".join(of_each))
    ask = ("evaluate", pack, "--data", tmp_path / "data", "--groups", groups, "--episodes", 20)
    done = run(*ask, "--protocol", "open-set", "--k-shot", 1, "--json")
    few, many = json.loads(done.stdout)["groups"][:2]
    assert (few["group"], few["classes"], few["fpir"]) == ("few", 3, None)
    assert (many["group"], many["classes"]) == ("many", 17)
    assert 0 <= many["fpir"]["value"] <= 1
    page = tmp_path / "report.html"
    shown = run(*ask, "--protocol", "open-set", "--k-shot", 1, "--report", page).stdout
    assert "Each group by itself" in shown
    assert "<td><bdi>few</bdi></td><td>3</td>" in page.read_text()
    beside = json.loads(page.with_suffix(".json").read_text())
    assert [one["group"] for one in beside["groups"][:2]] == ["few", "many"]
    assert "too thin" in shown
    assert run(*ask).exit_code == 2  # of episodes there are no groups
    groups.write_text("label,group\nc0,few\n")
    refused = run(*ask, "--protocol", "open-set")
    assert (refused.exit_code, refused.stdout) == (8, "")
    assert "leaves out 19 of 20 labels" in refused.stderr


@pytest.mark.data
def test_the_runs_of_lake(run: Run, pack: Path) -> None:
    report = json.loads(run("evaluate", pack, "--protocol", "lake", "--json").stdout)
    assert [report[key] for key in ("n_way", "k_shot", "episodes")] == [20, 1, 20]
