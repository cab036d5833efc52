"""How long a test waits for another process: until it must be hanging, however busy the machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

HANGS_S = 1200


def until(ask: Callable[[], _T], why: Callable[[], object] = str, every_s: float = 0.02) -> _T:
    """Ask until the answer is something, and give it; `why` says what is wrong if it never is."""
    end = time.monotonic() + HANGS_S
    while not (found := ask()):
        assert time.monotonic() < end, why()
        time.sleep(every_s)
    return found


def until_running(process: subprocess.Popen[Any], runs: Callable[[], bool], log: Path) -> None:
    """Wait until a process that was started is there for others, and is not done."""

    def ask() -> bool:
        assert process.poll() is None, log.read_text()
        return runs()

    until(ask, log.read_text)


def wait_for(path: Path, process: subprocess.Popen[Any]) -> None:
    """Wait until a process has made a file, and is not done."""

    def ask() -> bool:
        assert path.exists() or process.poll() is None, process.communicate()
        return path.exists()

    until(ask, every_s=0.001)
