"""Nothing calls home: no name is looked up, no connection made, nothing left in the home folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PIL import Image

from toy_packs import make_toy_pack, toy_drawing

WORK = """
    import sys
    def forbid(event, arguments):
        if event.startswith(("socket.connect", "socket.getaddrinfo", "socket.gethostby",
                             "socket.sendto", "http.client", "urllib")):
            raise AssertionError(f"{event} {arguments}")
    sys.addaudithook(forbid)
    import holotype
    with holotype.open("desk.gallery", "pack") as desk:
        desk.enroll("a", "a.png")
        print(desk.identify("a.png", fpir=0.1).label)
"""


def work(folder: Path, *around: str) -> Path:
    make_toy_pack(folder / "pack")
    Image.fromarray(toy_drawing(1)).save(folder / "a.png")
    home = folder / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    # A machine of a continuous integration is left alone by ONNX Runtime in any case.
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI", "JENKINS_URL"):
        environment.pop(name, None)
    done = subprocess.run(
        [*around, sys.executable, "-c", textwrap.dedent(WORK)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "a\n"), done.stderr
    return home


def test_nothing_is_left_in_the_home_folder_and_nothing_is_looked_up(tmp_path: Path) -> None:
    assert list(work(tmp_path).rglob("*")) == []


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace, which sees native code too")
def test_native_code_connects_to_nothing(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    work(tmp_path, "strace", "-f", "-o", str(calls), "-e", "trace=connect,sendto,sendmmsg")
    lines = [line for line in calls.read_text().splitlines() if "AF_INET" in line]
    assert lines == []
    assert "exited with 0" in calls.read_text()  # that the search sees what there is


def test_what_somebody_sets_on_purpose_stands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import holotype, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"],
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "0\n"
