"""A desk with a toy model, and one drawing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import holotype
from toy_packs import make_toy_pack, toy_drawing


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[holotype.Recognizer]:
    with holotype.open(tmp_path / "desk.gallery", make_toy_pack(tmp_path / "toy")) as recognizer:
        recognizer.enroll("one", toy_drawing(1))
        yield recognizer
