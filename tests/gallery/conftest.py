"""A small gallery for each test, and what a file is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from holotype.gallery import SqliteGallery

DIM = 8
Opener = Callable[..., SqliteGallery]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk.gallery"


@pytest.fixture
def open_gallery(path: Path) -> Iterator[Opener]:
    """Opens the gallery at `path`, as often as asked; closes all of them in the end."""
    opened: list[SqliteGallery] = []

    def opener(**changes: object) -> SqliteGallery:
        arguments = {"path": path, "model_id": "m1", "embedding_dim": DIM, "model_name": "toy"}
        opened.append(SqliteGallery.open(**{**arguments, **changes}))  # type: ignore[arg-type]
        return opened[-1]

    yield opener
    for gallery in opened:
        gallery.close()


@pytest.fixture
def gallery(open_gallery: Opener) -> SqliteGallery:
    return open_gallery()


@pytest.fixture
def rows() -> Callable[..., NDArray[np.float32]]:
    """Random unit vectors [B, dim] from a seed."""

    def make(seed: int, count: int = 1, dim: int = DIM) -> NDArray[np.float32]:
        drawn = np.random.default_rng(seed).standard_normal((count, dim))
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    return make
