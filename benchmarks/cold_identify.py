"""A cold `holotype identify` against `import torch`: wall time and resident memory.

    python benchmarks/cold_identify.py [--runs 7] [--enrolled 100]

The two run in turn, so that a slow moment of the machine meets both. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset


def timed(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident MB of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} exited with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--enrolled", type=int, default=100)
    arguments = parser.parse_args()
    drawings = load_dataset("sample")
    with tempfile.TemporaryDirectory() as folder:
        gallery, probe = Path(folder) / "desk.gallery", Path(folder) / "probe.png"
        Image.fromarray(drawings.images[1]).save(probe)
        with holotype.open(gallery) as recognizer:
            for i in range(arguments.enrolled):  # more labels than characters: drawings repeat
                recognizer.enroll(f"label {i}", drawings.images[20 * i % len(drawings) + i // 40])
        identify = [sys.executable, "-m", "holotype", "identify", str(gallery), str(probe)]
        torch = [sys.executable, "-c", "import torch"]
        timed(identify), timed(torch)  # warm the file cache for both
        rows = [(timed(identify), timed(torch)) for _ in range(arguments.runs)]
    result = {
        "enrolled": arguments.enrolled,
        "runs": arguments.runs,
        "identify_s": statistics.median(ours[0] for ours, _ in rows),
        "import_torch_s": statistics.median(theirs[0] for _, theirs in rows),
        "ratio": statistics.median(ours[0] / theirs[0] for ours, theirs in rows),
        "identify_resident_mb": max(ours[1] for ours, _ in rows),
    }
    print(json.dumps({key: round(value, 3) for key, value in result.items()}))
    print(
        f"cold identify {result['identify_s']:.2f} s and {result['identify_resident_mb']:.0f} MB, "
        f"import torch {result['import_torch_s']:.2f} s: ratio {result['ratio']:.2f}"
    )


if __name__ == "__main__":
    main()
