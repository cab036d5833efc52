"""Processes that enroll without a pause, and what must be there after they were killed."""

from __future__ import annotations

import signal
import subprocess
import sys

from hanging import HANGS_S
from holotype.gallery import Gallery

ENROLLER = """
import sys
import numpy as np
from holotype.gallery import existing
with existing(sys.argv[1]) as gallery:
    for number in range(100_000):
        drawn = np.random.default_rng([int(sys.argv[2]), number]).standard_normal((3, 8))
        unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        gallery.add(f"{sys.argv[2]}-{number}", unit.astype(np.float32))
        print(number, flush=True)
"""


def enroller(url: str, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENROLLER, url, str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def acknowledged(process: subprocess.Popen[str], seed: int, count: int) -> set[str]:
    assert process.stdout is not None
    return {f"{seed}-{int(process.stdout.readline())}" for _ in range(count)}


def the_rest(process: subprocess.Popen[str], seed: int) -> set[str]:
    out, _ = process.communicate(timeout=HANGS_S)
    return {f"{seed}-{line}" for line in out.split()}


def require_whole(gallery: Gallery, told: set[str]) -> None:
    labels = gallery.labels()
    assert told <= labels.keys(), "what was acknowledged is lost"
    assert set(labels.values()) <= {3}, "half of an enrollment is there"
    assert gallery.check().sound


def two_writers_and_the_kill_of_one(url: str) -> set[str]:
    """Two that enroll at once, of which one is killed; what they were told is there."""
    first, second = enroller(url, 1), enroller(url, 2)
    told = acknowledged(first, 1, 4) | acknowledged(second, 2, 2)
    first.send_signal(signal.SIGKILL)
    told |= the_rest(first, 1)
    told |= acknowledged(second, 2, 3)  # the other goes on
    second.send_signal(signal.SIGKILL)
    return told | the_rest(second, 2)
