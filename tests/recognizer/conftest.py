"""A desk with a toy model."""

from __future__ import annotations

from pathlib import Path

import pytest

import holotype
from toy_packs import make_toy_pack, toy_drawing


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


@pytest.fixture
def desk(tmp_path: Path, pack: Path) -> holotype.Recognizer:
    """Characters 0 to 4 under the labels c0 to c4."""
    with holotype.open(tmp_path / "desk.gallery", model=pack) as recognizer:
        for character in range(5):
            recognizer.enroll(f"c{character}", toy_drawing(character))
        yield recognizer
