"""A real server on loopback, with a toy model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import holotype
from real_server import Server, drawing
from toy_packs import make_toy_pack


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Path:
    """A gallery with c0 to c3, one drawing each, that keeps pictures; for nobody to change."""
    path = tmp_path_factory.mktemp("whole") / "desk.gallery"
    with holotype.open(path, pack, keep_pictures=True) as recognizer:
        for character in range(4):
            recognizer.enroll(f"c{character}", drawing(character))
    return path


@pytest.fixture
def gallery(tmp_path: Path, whole: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path))


@pytest.fixture
def start(gallery: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on the gallery of this test, and ends them."""
    begun: list[Server] = []

    def starting(*options: object, path: Path = gallery) -> Server:
        begun.append(Server(path, *options))
        return begun[-1]

    yield starting
    for server in begun:
        server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, whole: Path) -> Iterator[Server]:
    """One server for the tests of a file."""
    folder = tmp_path_factory.mktemp("desk")
    running = Server(Path(shutil.copy(whole, folder)))
    yield running
    running.kill()
    mistakes = [line for line in running.log.read_text().splitlines() if '"error"' in line]
    assert not mistakes, mistakes
