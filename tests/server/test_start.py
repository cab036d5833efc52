"""The command from its first moment to its end; other tests have their servers forked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

from hanging import HANGS_S


def test_the_command_says_where_answers_and_ends_when_told(gallery: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "holotype", "serve", str(gallery), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        address, _, key = server.stdout.readline().strip().partition("#key=")
        said = httpx.get(f"{address}v1/ready", headers={"x-api-key": key}, trust_env=False)
        server.terminate()
        assert server.wait(HANGS_S) == 0
    assert said.json() == {"status": "ready"}
