"""Films of drawings, and a real server that sends them as a camera would."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hanging import HANGS_S
from ports import free_port

PYTHON = "/usr/bin/python3"  # of the system: the bindings of GStreamer are Debian's
PROGRAM = Path(__file__).with_name("rtsp_server.py")
PER_SECOND, SIDE_PX = 25, 160
_FOUND = 'import gi; gi.require_version("GstRtspServer", "1.0")'

Scene = tuple[NDArray[np.uint8] | None, float]  # what is shown, None for nothing, and for how long


def require_streams() -> None:
    """Skip where there is nothing that makes films or sends them."""
    pytest.importorskip("cv2", reason="needs the extra `video`")
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs FFmpeg, such as Debian's package `ffmpeg`")
    if (
        not Path(PYTHON).exists()
        or subprocess.run([PYTHON, "-c", _FOUND], capture_output=True).returncode
    ):
        pytest.skip("needs Debian's packages `gir1.2-gst-rtsp-server-1.0` and `python3-gi`")


def film(path: Path, scenes: Sequence[Scene], seed: int = 0) -> Path:
    """A film of drawings uint8 [S, S], with the noise of a camera."""
    noise = np.random.default_rng(seed)
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray"]
    command += ["-s", f"{SIDE_PX}x{SIDE_PX}", "-r", str(PER_SECOND), "-i", "-"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-crf", "18"]
    command += ["-g", str(PER_SECOND // 2), "-pix_fmt", "yuv420p", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for drawing, seconds in scenes:
            still = np.full((SIDE_PX, SIDE_PX), 255, np.uint8)
            if drawing is not None:
                still = np.asarray(Image.fromarray(drawing).resize((SIDE_PX, SIDE_PX)))
            for _ in range(round(seconds * PER_SECOND)):
                grainy = still + noise.normal(0, 1, still.shape)
                encoder.stdin.write(np.clip(np.rint(grainy), 0, 255).astype(np.uint8).tobytes())
    assert encoder.returncode == 0
    return path


class Streams:
    """An RTSP server of its own process, which may be cut off and started again."""

    def __init__(self, port: int | None = None, **films: Path) -> None:
        self.port = free_port() if port is None else port
        self._process = subprocess.Popen(
            [PYTHON, str(PROGRAM), str(self.port), *(f"{n}={path}" for n, path in films.items())],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n"

    def url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def cut(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=HANGS_S)
