"""Processes that have imported holotype when they begin: forked, where `Popen` would start anew.

To import all that a server needs takes a processor ten times as long as all that it does in a
test. So one process for each process of the tests imports it once, and forks whoever is asked for.
What is forked is a process like any other: it has its own environment, folder and streams, and may
be killed. What a test wants to know of the start itself is for `subprocess`.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_one_at_a_time = threading.Lock()
# Runs what is ordered as `python -c` would: at the top of `__main__`, which then ends as ever.
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import warm
_code = warm.ordered(int(sys.argv[2]))
sys.path.remove(warm.HERE)
del sys.modules["warm"], warm
exec(compile(_code, "<string>", "exec"))
"""
# All that a server imports, also later; no thread is started by it, which a fork would lose.
_IMPORTED = (
    *("holotype.cli", "holotype.server.serving", "holotype.watching"),
    *("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.TiffImagePlugin", "PIL.ImageDraw"),
    *("fastapi_offline", "pydantic.v1", "rich.console", "rich.table", "shellingham"),
    *("uvicorn.lifespan.off", "uvicorn.loops.auto", "uvicorn.protocols.http.httptools_impl"),
)
HERE = os.path.dirname(__file__)


class Process:
    """`python -c code arguments`, with holotype imported; text, as `subprocess.Popen` has it."""

    def __init__(
        self,
        code: str,
        *arguments: object,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None
        self.stderr: IO[str] | None = None
        self.returncode: int | None = None
        theirs: list[int] = []
        if stdin == subprocess.PIPE:
            end, mine = os.pipe()
            self.stdin = os.fdopen(mine, "w")
        else:
            end = os.dup(0 if stdin is None or isinstance(stdin, int) else stdin.fileno())
        theirs.append(end)
        for number, asked in enumerate((stdout, stderr), start=1):
            if asked == subprocess.PIPE:
                mine, end = os.pipe()
                setattr(self, ("stdout", "stderr")[number - 1], os.fdopen(mine))
            elif asked == subprocess.STDOUT:
                end = os.dup(theirs[1])
            elif asked == subprocess.DEVNULL:
                end = os.open(os.devnull, os.O_WRONLY)
            else:
                end = os.dup(number if asked is None or isinstance(asked, int) else asked.fileno())
            theirs.append(end)
        reports, reporting = os.pipe()
        theirs.append(reporting)
        order = {
            "code": code,
            "arguments": [str(one) for one in arguments],
            "cwd": os.fspath(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
        }
        self._reports = os.fdopen(reports, "rb", 0)
        with _one_at_a_time:
            socket.send_fds(_orders(), [b"!"], theirs)
            _orders().sendall(json.dumps(order).encode() + b"\n")
            for one in theirs:
                os.close(one)
            self.pid = int(self._reports.readline())

    def poll(self) -> int | None:
        """How it ended, or None: it has not."""
        if self.returncode is None and select.select([self._reports], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._reports], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        self.returncode = int(self._reports.readline())
        self._reports.close()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What else it says, until its end."""
        if self.stdin is not None:
            self.stdin.close()
        said = {"stdout": "", "stderr": ""}

        def read(name: str, stream: IO[str]) -> None:
            with stream:
                said[name] = stream.read()

        readers = [
            threading.Thread(target=read, args=(name, stream))
            for name in said
            if (stream := getattr(self, name)) is not None and not stream.closed
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join()
        return said["stdout"], said["stderr"]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@functools.cache
def _orders() -> socket.socket:
    """Where the one takes orders that has imported everything; it ends with this process."""
    mine, its = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, HERE, str(its.fileno())],
        pass_fds=[its.fileno()],
        stdin=subprocess.DEVNULL,
    )
    its.close()

    def end() -> None:
        mine.close()
        process.wait()

    atexit.register(end)
    return mine


def ordered(orders: int) -> str:
    """Fork for each order; return in the child, with the code that it has to run."""
    for name in _IMPORTED:
        importlib.import_module(name)
    # Ctrl-C is for the tests, and for whom they start: it waits until those can take it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    taken = socket.socket(fileno=orders)
    lines = taken.makefile("rb")
    while True:
        _, descriptors, _, _ = socket.recv_fds(taken, 1, 4)
        if not descriptors:
            os._exit(0)  # whoever still runs is the system's now, as with `Popen`
        order = json.loads(lines.readline())
        if not os.fork():
            lines.close()
            taken.close()
            return _kept(order, *descriptors)
        for one in descriptors:
            os.close(one)
        _reap()


def _kept(order: dict[str, Any], stdin: int, stdout: int, stderr: int, reporting: int) -> str:
    """Fork once more: the child returns, and this process reports how it ends."""
    child = os.fork()
    if child:
        for one in (stdin, stdout, stderr, 0, 1, 2):
            os.close(one)
        os.write(reporting, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(reporting, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    for number, one in enumerate((stdin, stdout, stderr)):
        os.dup2(one, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    # As Python itself makes them: what kind of file each is, is looked at once.
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        stream = open(  # noqa: SIM115  # for as long as the process lives
            *(number, "w" if number else "r", 1 if name == "stderr" else -1),
            encoding=old.encoding,
            errors=old.errors,
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv[:] = ["-c", *order["arguments"]]
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    return str(order["code"])


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
