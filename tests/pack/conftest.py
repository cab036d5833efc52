"""A pack to read, change and damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from toy_packs import make_toy_pack


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return make_toy_pack(tmp_path / "toy")
