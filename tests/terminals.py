"""A command at a terminal where somebody answers."""

from __future__ import annotations

import os
import pty

import warm
from hanging import HANGS_S

_PROGRAM = "from holotype.__main__ import main; main()"


def answer(command: list[object], reply: bytes) -> tuple[int, str]:
    """Run a command at a terminal where somebody answers; exit code and what was on the screen."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "rb+", 0) as terminal:
        process = warm.Process(
            _PROGRAM,
            *command,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
        )
    os.write(ours, reply)
    seen = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other side has closed
            break
        if not part:
            break
        seen += part
    os.close(ours)
    return process.wait(timeout=HANGS_S), seen.decode()
