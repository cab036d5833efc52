"""Calls that nobody would make, by schemathesis, to every route of a server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hanging import HANGS_S
from real_server import Server

_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method"
)
_STATUS = re.compile(r'"route": "(?P<route>[^"]*)", "status": (?P<status>\d+)')


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said."""

    described: bool  # whether the description has each answer
    statuses: Counter[int]  # how many answers had each status
    routes: Counter[str]  # how many came from each route
    report: str  # of schemathesis


def made_up_calls(
    server: Server, folder: Path, examples: int, *more: str, seed: int = 1
) -> Answered:
    """Send a server so many made-up calls for each operation, and look at each answer.

    Args:
        server: that was just started.
        folder: where schemathesis may write.
        examples: for each operation, beside those that try each limit of a parameter once.
        more: further options of schemathesis.
        seed: of what is made up.
    """
    # From a file: it gives up on a server that takes ten seconds to describe itself.
    description = folder / "openapi.json"
    description.write_text(server.client.get("/openapi.json").text)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(description)),
            *("--url", server.url, "--header", f"x-api-key: {server.key}", "--checks", _CHECKS),
            *("--max-examples", str(examples), "--seed", str(seed)),
            # A key that is made up takes the place of the one above: half of the calls were 401.
            *("--generation-with-security-parameters", "false"),
            # To store what was found for another run takes as long as to ask.
            *("--generation-database", "none", "--no-color", "--continue-on-failure"),
            # Whoever revokes its own key is asked nothing more.
            *("--exclude-path-regex", "/v1/keys/"),
            *more,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=10 * HANGS_S,
    )
    said = [found.groupdict() for found in _STATUS.finditer(server.log.read_text())]
    return Answered(
        done.returncode == 0,
        Counter(int(one["status"]) for one in said),
        Counter(one["route"] for one in said),
        done.stdout[-20_000:] + done.stderr[-2000:],
    )
