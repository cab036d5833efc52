"""A desk with a toy model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import holotype
from toy_packs import make_toy_pack, toy_drawing


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


@pytest.fixture(scope="session")
def whole_desk(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Path:
    """A gallery with characters 0 to 4 under the labels c0 to c4, for nobody to change."""
    path = tmp_path_factory.mktemp("desk") / "desk.gallery"
    with holotype.open(path, model=pack) as recognizer:
        for character in range(5):
            recognizer.enroll(f"c{character}", toy_drawing(character))
    return path


@pytest.fixture
def desk(tmp_path: Path, whole_desk: Path, pack: Path) -> Iterator[holotype.Recognizer]:
    """A copy of it: enrolling takes longer than most tests."""
    with holotype.open(Path(shutil.copy(whole_desk, tmp_path)), model=pack) as recognizer:
        yield recognizer
