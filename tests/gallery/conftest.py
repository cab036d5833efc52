"""A small gallery for each test, and what it is made of.

A test that says nothing of `path` is of what every gallery can do: it runs over each engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from holotype.gallery import Gallery
from holotype.gallery import open_gallery as open_at
from milvus import MilvusServer
from milvus import require_server as require_milvus
from postgres import PostgresServer, require_server

DIM = 8
Opener = Callable[..., Gallery]
_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        alone = "path" in metafunc.fixturenames
        postgres = pytest.param("postgres", marks=pytest.mark.servers)
        # With an index the rows are those of the file: what is new of it, `test_milvus.py` proves.
        indexed = pytest.param("milvus", marks=[pytest.mark.servers, pytest.mark.slow])
        metafunc.parametrize("engine", ["sqlite"] if alone else ["sqlite", postgres, indexed])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server with the database `desk`."""
    require_server()
    server = PostgresServer()
    try:
        server.execute("CREATE DATABASE desk")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def milvus() -> Iterator[MilvusServer]:
    require_milvus()
    server = MilvusServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def url(postgres: PostgresServer, request: pytest.FixtureRequest) -> str:
    """Where there is no gallery yet."""
    assert request.node.get_closest_marker("servers"), "the core opens no store of a server"
    return postgres.url("desk", more=f"?gallery=g{next(_numbers)}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk.gallery"


@pytest.fixture
def place(engine: str, request: pytest.FixtureRequest) -> Path | str:
    """Where `open_gallery` opens a gallery."""
    places = {"sqlite": "path", "postgres": "url", "milvus": "indexed"}
    found: Path | str = request.getfixturevalue(places[engine])
    return found


@pytest.fixture
def indexed(milvus: MilvusServer, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A file with an index beside it that is not there yet."""
    assert request.node.get_closest_marker("servers"), "the core opens no store of a server"
    return milvus.url(f"g{next(_numbers)}", tmp_path / "desk.gallery")


@pytest.fixture
def open_gallery(place: Path | str) -> Iterator[Opener]:
    """Opens the gallery at `place`, as often as asked; closes all of them in the end."""
    opened: list[Gallery] = []

    def opener(**changes: object) -> Gallery:
        arguments = {"place": place, "model_id": "m1", "embedding_dim": DIM, "model_name": "toy"}
        opened.append(open_at(**{**arguments, **changes}))  # type: ignore[arg-type]
        return opened[-1]

    yield opener
    for gallery in opened:
        gallery.close()


@pytest.fixture
def gallery(open_gallery: Opener) -> Gallery:
    return open_gallery()


@pytest.fixture
def rows() -> Callable[..., NDArray[np.float32]]:
    """Random unit vectors [B, dim] from a seed."""

    def make(seed: int, count: int = 1, dim: int = DIM) -> NDArray[np.float32]:
        drawn = np.random.default_rng(seed).standard_normal((count, dim))
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    return make
