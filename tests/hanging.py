"""How long a test waits for another process: until it must be hanging, however busy the machine."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

HANGS_S = 1200


def wait_for(path: Path, process: subprocess.Popen[Any]) -> None:
    """Wait until a process has made a file, and is not done."""
    until = time.monotonic() + HANGS_S
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.001)
