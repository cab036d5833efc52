"""data omniglot: one call, its folder as the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from holotype.errors import DataError
from holotype.tasks import download

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
