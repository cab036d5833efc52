"""What is forked from a warm process is a process like any other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import warm
from hanging import HANGS_S

STATE = """
import os, sys, threading
print(sys.argv[1:], os.getcwd(), os.environ.get("MINE"), os.getpid(), threading.active_count())
print("beside it", file=sys.stderr)
"holotype.server.serving" in sys.modules or sys.exit(1)
sys.exit(len(sys.stdin.read()))
"""

# Ctrl-C may have been ignored by whoever started the tests, as a shell does in the background.
WAITING = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
print("there", flush=True)
time.sleep(1200)
"""


def test_it_has_its_own_arguments_folder_environment_streams_and_end(tmp_path: Path) -> None:
    process = warm.Process(
        *(STATE, "a b", 1),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "MINE": "yes"},
    )
    assert process.stdin is not None
    process.stdin.write("seven")
    said = process.communicate(HANGS_S)
    assert said == (f"['a b', '1'] {tmp_path} yes {process.pid} 1\n", "beside it\n")
    assert process.returncode == 5


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_as_one_that_was_started(number: signal.Signals) -> None:
    process = warm.Process(WAITING, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(HANGS_S) == -number
    assert process.stdout.read() == ""
    process.stdout.close()


def test_what_fails_says_so_as_python_does() -> None:
    process = warm.Process("1 / 0", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = process.communicate(HANGS_S)
    assert said.endswith("\nZeroDivisionError: division by zero\n")
    assert process.returncode == 1


def test_it_has_no_file_of_another() -> None:
    opened = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    beside = warm.Process("input()", stdin=subprocess.PIPE)
    process = warm.Process(opened, stdout=subprocess.PIPE)
    assert process.communicate(HANGS_S)[0] == "[0, 1, 2, 3]\n"  # the last is that of the folder
    beside.communicate(HANGS_S)
