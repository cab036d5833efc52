"""The container file and the unit of systemd: what they run is there, and their checks check."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from holotype.cli import app
from real_server import Server
from toy_packs import make_toy_pack

DEPLOY = Path(__file__).parent.parent / "deploy"
CONTAINER = (DEPLOY / "Containerfile").read_text().replace("\\\n", "")
UNIT = (DEPLOY / "holotype.service").read_text()


def said(instruction: str) -> list[str]:
    """What the container file has after an instruction, which is JSON."""
    (found,) = re.findall(rf"^{instruction}.*?(\[.*\])$", CONTAINER, re.MULTILINE)
    return [str(one) for one in json.loads(found)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    import holotype

    path = tmp_path / "desk.gallery"
    holotype.open(path, make_toy_pack(tmp_path / "toy")).close()
    running = Server(path)
    yield running
    running.kill()


def test_the_health_check_sees_whether_the_server_answers(server: Server) -> None:
    _, *arguments = said("HEALTHCHECK")
    assert f":{8470}/" in arguments[-1]
    check = [sys.executable, *(one.replace("8470", str(server.port)) for one in arguments)]
    assert subprocess.run(check, check=False).returncode == 0
    server.kill()
    assert subprocess.run(check, check=False, stderr=subprocess.DEVNULL).returncode != 0


@pytest.mark.parametrize(
    "command",
    [
        [*said("ENTRYPOINT"), *said("CMD")],
        re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[0].split(),
    ],
    ids=["container", "unit"],
)
def test_what_they_start_is_a_command(command: list[str]) -> None:
    program, name, *arguments = command
    assert (Path(program).name, name) == ("holotype", "serve")
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    with serve.make_context("serve", arguments) as context:
        assert Path(context.params["gallery"]).name == "desk.gallery"
        assert context.params["listen"] == "127.0.0.1"


def test_the_unit_is_one_and_gives_little_away(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze, of Debian's package `systemd`")
    unit = tmp_path / "holotype.service"
    unit.write_text(UNIT.replace("/opt/holotype/bin/holotype", sys.executable))
    verified = subprocess.run(
        [program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    security = [program, "--no-pager", "security", "--offline=true", "--threshold=20", str(unit)]
    exposed = subprocess.run(security, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout[-2000:] + exposed.stderr
