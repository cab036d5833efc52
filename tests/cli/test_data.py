"""data omniglot: one call, its folder as the answer; and what is not looked at of a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from holotype.datasets import download
from holotype.datasets.catalogue import passed_over
from holotype.datasets.parts import Part, part_text
from holotype.errors import DataError
from toy_packs import toy_drawing

Run = Callable[..., Result]


def test_the_folder_is_passed_on_and_printed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(folder: Path | None, progress: Callable[[str, int, int | None], None]) -> Path:
        progress("images_background.zip", 5, None)
        assert folder is not None
        return folder

    monkeypatch.setattr(download, "download_omniglot", fetched)
    done = run("data", "omniglot", "--out", tmp_path, "--json")
    assert json.loads(done.stdout) == {"data": "omniglot", "folder": str(tmp_path)}
    assert run("data", "omniglot", "--out", tmp_path).stdout == f"Omniglot is in {tmp_path}\n"


def test_a_server_that_cannot_be_reached_is_a_data_error(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(folder: Path | None, progress: object) -> Path:
        raise DataError("the server cannot be reached", "Try again")

    monkeypatch.setattr(download, "download_omniglot", unreachable)
    assert run("data", "omniglot", "--out", tmp_path).exit_code == 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, with a file, a picture and a folder that no reading of it looks at."""
    folder = tmp_path / "pictures"
    for character in range(2):
        place = folder / f"c{character}" / "more"
        place.mkdir(parents=True)
        for name in (place, place.parent):
            Image.fromarray(toy_drawing(character)).save(name / "1.png")
    (folder / "c0" / "notes.txt").write_text("old")
    Image.fromarray(toy_drawing(9)).save(folder / "stray.png")
    return folder


LINE = "4 files passed over: 1 not pictures (.txt), 1 beside the folders, 2 in subfolders."
COMMANDS = {
    "train": ("train", "none", "--out", "run", "--data"),
    "evaluate": ("evaluate", "none", "--data"),
    "open-set": ("evaluate", "none", "--protocol", "open-set", "--data"),
    "compare": ("compare", "none", "--out", "out", "--data"),
    "pack build": ("pack", "build", "--onnx", "none.onnx", "--name", "mine", "--background"),
    "pack adapt": ("pack", "adapt", "none", "--name", "mine", "--background"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_a_folder_says_what_it_passes_over(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(folder.parent)
    said = run(*COMMANDS[command], folder)
    assert said.exit_code not in (0, 2), said.output  # what it names besides is not there
    assert said.stdout.count(LINE) == 1
    document = run(*COMMANDS[command], folder, "--json")
    assert (document.stderr.count(LINE), LINE in document.stdout) == (1, False)


def test_what_is_passed_over_of_what(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / "part.json"
    part.write_text(part_text(Part(str(folder), ("c0",))))
    assert len(passed_over(folder)) == len(passed_over(part)) == 4
    (tmp_path / "sample").mkdir()
    monkeypatch.chdir(tmp_path)  # where a folder has the name of a data set
    assert not passed_over("sample")
    assert not passed_over("nowhere")
    with pytest.raises(DataError, match="has no class folders"):
        passed_over(folder / "c0" / "more")
