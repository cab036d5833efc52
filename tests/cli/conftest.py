"""A desk with a toy model, and the command line as tests call it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hanging import HANGS_S
from holotype.cli import app
from toy_packs import make_toy_pack, toy_drawing

Run = Callable[..., Result]

# `holotype ...` in a fresh process; {before} and {after} run around it.
_PROGRAM = """
import sys
{before}
from holotype.cli import main
try:
    main()
finally:
    {after}
"""


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`{character}-{drawer}.png` of characters 0 to 5 by three people."""
    folder = tmp_path_factory.mktemp("drawings")
    for character in range(6):
        for drawer in range(3):
            Image.fromarray(toy_drawing(character, drawer)).save(
                folder / f"{character}-{drawer}.png"
            )
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands in this process."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments: object, columns: int | None = None) -> Result:
        if columns:
            monkeypatch.setenv("COLUMNS", str(columns))
        typed = [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments]
        _LISTENING.append([])
        try:
            done = CliRunner().invoke(app, typed)
        finally:
            asked = _LISTENING.pop()
        may = typed[:1] == ["data"] or typed[:2] in _SHARING or any("hf:" in a for a in typed)
        assert may or not asked, f"{typed} asked the network: {asked}"
        return done

    return call


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: once set, it stays for as long as the process does."""
    if _LISTENING and event in _ON_THE_NETWORK:
        _LISTENING[-1].append(f"{event} {arguments}")


# What commands that run now asked the network for, and which may.
_LISTENING: list[list[str]] = []
_ON_THE_NETWORK = {
    *("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
}
_SHARING = [["pack", "pull"], ["pack", "push"]]
sys.addaudithook(_hear)


@pytest.fixture(scope="session")
def whole_desk(tmp_path_factory: pytest.TempPathFactory, pack: Path, drawings: Path) -> Path:
    """A gallery with characters 0 to 3, one drawing each, for nobody to change."""
    gallery = tmp_path_factory.mktemp("desk") / "desk.gallery"
    for character in range(4):
        arguments = [gallery, f"c{character}", drawings / f"{character}-0.png", "--model", pack]
        done = CliRunner().invoke(app, ["enroll", *map(str, arguments)])
        assert done.exit_code == 0, done.output
    return gallery


@pytest.fixture
def desk(tmp_path: Path, whole_desk: Path) -> Path:
    """A copy of it: enrolling takes longer than most tests."""
    return Path(shutil.copy(whole_desk, tmp_path))


def process(
    *arguments: object, before: str = "", after: str = "pass"
) -> subprocess.CompletedProcess[str]:
    """`holotype ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(before=before, after=after), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


@pytest.fixture
def holotype_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    return process
