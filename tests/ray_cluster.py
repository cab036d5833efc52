"""A real Ray cluster of two workers on the loopback of this machine."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

from hanging import HANGS_S, until, until_running
from ports import free_port

_RAY = "from ray.scripts.scripts import main; main()"
_ON_LOOPBACK = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def require_ray() -> None:
    """Skip a test where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs ray (make .venv/dev)")


class RayCluster:
    """Two workers, in an environment of their own, from which packages can be missing."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets have short names
        # What a command needs that joins it: a secret of its own.
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.environment = {**os.environ, **token}
        self._missing = self.folder / "missing"
        self._missing.touch()
        python = self._environment()
        self.address = f"127.0.0.1:{free_port()}"
        with (self.folder / "log").open("wb") as written:
            self._process = subprocess.Popen(
                [
                    *(python, "-c", _RAY, "start", "--head", "--block", "--num-cpus=2"),
                    *("--node-ip-address=127.0.0.1", f"--port={self.address.partition(':')[2]}"),
                    *("--include-dashboard=false", f"--temp-dir={self.folder}/s"),
                ],
                env=self.environment | _ON_LOOPBACK,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        log = self.folder / "log"
        until_running(self._process, lambda: "Ray runtime started" in log.read_text(), log)

    def _environment(self) -> Path:
        place = self.folder / "python"
        venv.create(place, symlinks=True)
        (packages,) = place.glob("lib/*/site-packages")
        lines = [path for path in sys.path if path and not path.endswith(".zip")]
        lines.append(
            "import sys; sys.modules.update(dict.fromkeys("
            f"open({str(self._missing)!r}).read().split()))"
        )
        (packages / "borrowed.pth").write_text("\n".join(lines))
        return place / "bin" / "python"

    def lack(self, *packages: str) -> None:
        """From the next command on, its workers have none of these."""
        self._missing.write_text(" ".join(packages))

    def kill_worker(self, driver: subprocess.Popen[str]) -> None:
        """Kill a worker while it is at work for a command."""

        def at_work() -> list[int]:
            assert driver.poll() is None, driver.communicate()
            return [pid for pid in self._processes() if _title(pid).startswith("ray::_worked")]

        os.kill(until(at_work, every_s=0.001)[0], signal.SIGKILL)

    def _processes(self) -> list[int]:
        """Those that it started, and that these started."""
        parents = dict(filter(None, map(_parent, Path("/proc").glob("[0-9]*"))))

        def is_mine(pid: int | None) -> bool:
            return pid is not None and (pid == self._process.pid or is_mine(parents.get(pid)))

        return [pid for pid in parents if pid != self._process.pid and is_mine(pid)]

    def stop(self) -> None:
        """End it, and delete all that it has."""
        processes = self._processes()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(HANGS_S)
        for pid in processes:
            if _title(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _parent(process: Path) -> tuple[int, int] | None:
    """A process, and who started it; None where it is gone."""
    try:
        return int(process.name), int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _title(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
