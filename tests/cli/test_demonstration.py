"""demo: table, words and page from one measurement."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from holotype import demo
from holotype.demo import trials

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def measured(pack: Path) -> demo.Demo:
    """By the toy model, in one gallery a part."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(trials, "_CHARACTER_TRIALS", 1)
        monkeypatch.setattr(trials, "_DIGIT_TRIALS", 1)
        return demo.run(lambda *_: None, model=str(pack))


@pytest.fixture
def toy(measured: demo.Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command measures what was measured."""
    monkeypatch.setattr(demo, "run", lambda report: measured)


@pytest.mark.usefixtures("toy")
def test_a_table_words_and_a_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "demo.html"
    done = run("demo", "--out", page)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert sum("strangers in" in line for line in lines) == 2  # a heading of each part
    assert sum(line.split()[:3] in (["1", "10", "%"], ["5", "10", "%"]) for line in lines) == 4
    said = " ".join(done.stdout.split())
    assert "A stated 10 % is guaranteed by the 20 enrolled with one drawing of each" in said
    assert "Stated is the share of strangers for which the threshold is set" in done.stdout
    assert f"The drawings are in {page}" in done.stdout
    assert "\\n" not in done.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.slow
@pytest.mark.usefixtures("toy")
def test_json_and_a_page_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--out", tmp_path / "demo.html", "--json")
    document = json.loads(done.stdout)
    assert (document["page"], len(document["rows"])) == (str(tmp_path / "demo.html"), 12)
    failed = run("demo", "--out", tmp_path / "none" / "demo.html")
    assert (failed.exit_code, failed.stdout) == (11, "")
    assert "none/demo.html' cannot be read or written" in failed.stderr


@pytest.mark.slow
def test_the_shipped_model_in_a_process_without_torch(
    tmp_path: Path, holotype_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = holotype_process(
        "demo",
        "--out",
        tmp_path / "demo.html",
        "--json",
        before="from holotype.demo import measurement, trials\n"
        "trials._DIGIT_TRIALS, measurement.SHOTS = 1, (1,)",
        after="print('torch' in sys.modules, file=sys.stderr)",
    )
    assert (done.returncode, done.stderr) == (0, "False\n")
    rows = json.loads(done.stdout)["rows"]
    one_drawing = {row["stated_rate"]: row for row in rows[:2]}
    # Neither rate is refused, and one drawing is worth having.
    assert one_drawing[0.01]["recognized"] > 3
    assert one_drawing[0.1]["recognized"] > 40
    assert one_drawing[0.1]["recognized"] > one_drawing[0.01]["recognized"]
    assert one_drawing[0.1]["strangers_accepted"] < 10
