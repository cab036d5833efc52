"""Which pack a gallery begins with, where nobody named one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_sample_image
from typer.testing import Result

from holotype.cli import default_pack
from holotype.errors import AnotherKindError
from toy_packs import toy_drawing

Run = Callable[..., Result]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(load_sample_image("flower.jpg")[100:300, 100:350]).save(path)
    return path


def test_a_photograph_names_its_pack_and_what_to_type(
    tmp_path: Path, photo: Path, run: Run
) -> None:
    refused = run("enroll", tmp_path / "new.gallery", "flower", photo)
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert "looks like a photograph" in refused.stderr
    assert "Type the command again with `--model objects`" in refused.stderr
    assert not (tmp_path / "new.gallery").exists()


def test_what_is_typed_then_works(tmp_path: Path, photo: Path, run: Run) -> None:
    there = run("enroll", tmp_path / "new.gallery", "flower", photo, "--model", "objects")
    assert there.exit_code == 0
    assert "looks like" not in there.stdout
    insisted = run("enroll", tmp_path / "other.gallery", "flower", photo, "--anyway", "--json")
    assert insisted.exit_code == 0
    assert json.loads(insisted.stdout)["warnings"][0]["code"] == "another_kind"


def test_a_drawing_is_asked_nothing(tmp_path: Path, run: Run) -> None:
    drawing = tmp_path / "drawing.png"
    Image.fromarray(toy_drawing(1, side_px=105)).save(drawing)
    assert run("enroll", tmp_path / "new.gallery", "one", drawing).exit_code == 0


def test_no_kin_of_a_photograph_are_drawn(tmp_path: Path, photo: Path, run: Run) -> None:
    refused = run("imagine", "characters", photo, "--out", tmp_path / "sheet.png")
    assert refused.exit_code == 3
    assert "looks like a photograph" in refused.stderr
    assert not (tmp_path / "sheet.png").exists()


def test_on_a_terminal_it_asks(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def confirmed(question: str) -> bool:
        asked.append(question)
        return len(asked) == 1

    monkeypatch.setattr(default_pack, "confirmed", confirmed)
    assert default_pack.fitting_model([photo], asking=True) == "objects"
    with pytest.raises(AnotherKindError):
        default_pack.fitting_model([photo], asking=True)
    assert len(asked) == 2
    assert asked[0].endswith("Make the gallery with the pack `objects` instead?")
    with pytest.raises(AnotherKindError):
        default_pack.fitting_model([photo], asking=False)
    assert len(asked) == 2
