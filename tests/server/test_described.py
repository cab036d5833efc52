"""Whatever is sent, the answer is one that is described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hanging import HANGS_S
from real_server import Server

REQUESTS = 2000
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method"
)


@pytest.mark.slow
def test_thousands_of_made_up_calls_get_a_described_answer(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start("--calls-a-minute", 10**9)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--header", f"x-api-key: {server.key}", "--checks", _CHECKS),
            *("--max-examples", os.environ.get("HOLOTYPE_MADE_UP_CALLS", "60")),
            *("--seed", "1", "--no-color", "--continue-on-failure"),
            # Whoever revokes its own key is asked nothing more.
            *("--exclude-path-regex", "/v1/keys/"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10 * HANGS_S,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    answered = sum(
        int(float(line.rpartition(" ")[2]))
        for line in server.client.get("/metrics").text.splitlines()
        if line.startswith("holotype_requests_total")
    )
    assert answered >= REQUESTS, done.stdout[-3000:]
    assert not re.search(r'"status": 5', server.log.read_text())
