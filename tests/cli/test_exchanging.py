"""export and import of a gallery."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def test_a_gallery_is_exported_and_imported_without_its_model(
    desk: Path, pack: Path, drawings: Path, tmp_path: Path, run: Run, monkeypatch
) -> None:
    monkeypatch.setattr("holotype.pack.load_pack", _no_model)
    out, again = tmp_path / "out", tmp_path / "again.gallery"
    done = run("export", desk, out)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"Written to {out}: 4 identities, 4 examples. Whoever")
    done = run("import", out, again)
    assert done.stdout == "4 new identities, 4 examples.\n"
    assert run("list", again).stdout == run("list", desk).stdout
    again_json = json.loads(run("import", out, again, "--json").stdout)
    assert (again_json["identities"], again_json["already"]) == (0, 4)
    monkeypatch.undo()
    decision = json.loads(run("identify", again, drawings / "1-0.png", "--json").stdout)[0]
    assert decision["candidates"][0]["label"] == "c1"


def _no_model(*_: object) -> None:
    raise AssertionError("a model was loaded")


def test_all_that_is_held_on_one_is_exported(desk: Path, tmp_path: Path, run: Run) -> None:
    done = run("export", desk, "--out", tmp_path / "one", "--label", "c2", "--json")
    assert json.loads(done.stdout) == {
        "export": str(tmp_path / "one"),
        "identities": 1,
        "examples": 1,
        "pictures": 0,
        "strangers": 0,
        "reviews": 0,
    }
    assert run("export", desk, tmp_path / "two", "--label", "nobody").exit_code == 4
    assert run("export", desk, tmp_path / "one").exit_code == 6  # it is there


@pytest.mark.parametrize("words", [(), ("a", "--out", "b")], ids=["none", "two"])
def test_an_export_goes_to_one_folder(desk: Path, run: Run, words: tuple[str, ...]) -> None:
    assert run("export", desk, *words).exit_code == 2


def test_a_label_is_of_a_gallery(tmp_path: Path, run: Run) -> None:
    assert run("export", tmp_path, tmp_path / "out", "--label", "a").exit_code == 2


def test_where_nothing_is_nothing_is_exported(tmp_path: Path, run: Run) -> None:
    done = run("export", tmp_path / "nothing", tmp_path / "out")
    assert done.exit_code == 6
    assert "there is no gallery at" in done.stderr
    assert not (tmp_path / "out").exists()


def test_one_is_counted_as_one(desk: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "one"
    assert "1 identity, 1 example." in run("export", desk, out, "--label", "c2").stdout
    assert run("import", out, tmp_path / "new").stdout == "1 new identity, 1 example.\n"
    copied = run("copy", tmp_path / "new", tmp_path / "other").stdout
    assert "1 identity, 1 example, 0 vectors of own strangers" in copied
