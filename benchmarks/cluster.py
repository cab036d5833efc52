"""Enrolling in bulk with two Ray workers on this machine, beside one process on one core.

    python benchmarks/cluster.py [--pictures 1024] [--runs 3]

The two run in turn, each time into a new gallery; the one process is held to one core, the workers
have one each, and share both with the process that reads and stores. Starting Ray is not counted:
it is measured apart. On a busy machine the clock says little; the processor's time of all that took
part says what two free cores allow. The drawings are those that holotype brings along, as they
are and mirrored. Writes results/cluster.json; some two minutes on two cores that are free.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.manifest import Entry
from holotype.recognizer import enroll_entries
from holotype.recognizer.cluster import Workers, workers_at

WORKERS = 2
RESULT = Path(__file__).parent.parent / "results" / "cluster.json"
_TICKS = os.sysconf("SC_CLK_TCK")


def entries(folder: Path, count: int) -> list[Entry]:
    drawings = load_dataset("sample").images[:]
    drawings = np.concatenate([drawings, drawings[:, :, ::-1]])[:count]
    for number, drawing in enumerate(drawings):
        Image.fromarray(drawing).save(folder / f"{number}.png")
    return [Entry(f"{n}", f"label {n}", folder / f"{n}.png") for n in range(len(drawings))]


def processor_s() -> float:
    """Of this process and all that descend from it and live."""
    found: dict[int, tuple[int, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone
            continue
        found[int(stat.parent.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS

    def is_ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in found and is_ours(found[pid][0]))

    return sum(seconds for pid, (_, seconds) in found.items() if is_ours(pid))


@contextmanager
def one_core() -> Iterator[None]:
    allowed = os.sched_getaffinity(0)
    # Of threads, each has its own; those that compute are started within.
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def enrolled(path: Path, some: list[Entry], workers: Workers | None) -> dict[str, float]:
    """Wall and processor time of a bulk enrollment into a new gallery."""
    with holotype.open(path, threads=1) as recognizer:
        used, start = processor_s(), time.perf_counter()
        found = enroll_entries(recognizer, some, left_out=lambda one: print(one), workers=workers)
        taken = {"wall_s": time.perf_counter() - start, "processor_s": processor_s() - used}
    assert found.added + found.already == len(some)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    taken: dict[str, list[dict[str, float]]] = {"one process": [], "workers": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pictures").mkdir()
        some = entries(folder / "pictures", arguments.pictures)
        start = time.perf_counter()
        with workers_at("local") as workers:
            started_s = time.perf_counter() - start
            # Each worker loads holotype and the model with its first part.
            enrolled(folder / "first.gallery", some, workers)
            for run in range(arguments.runs):
                with one_core():
                    taken["one process"].append(enrolled(folder / f"o{run}.gallery", some, None))
                taken["workers"].append(enrolled(folder / f"w{run}.gallery", some, workers))

    def ratios(measure: str, one: str, other: str) -> list[float]:
        return [a[measure] / b[measure] for a, b in zip(taken[one], taken[other], strict=True)]

    wall = ratios("wall_s", "one process", "workers")
    allowed = [WORKERS * ratio for ratio in ratios("processor_s", "one process", "workers")]
    result: dict[str, Any] = {
        "pictures": len(some),
        "workers": WORKERS,
        "runs": arguments.runs,
        "load_before": load,
        "start_s": started_s,
        "times_by_the_clock": statistics.median(wall),
        "times_by_the_clock_all": wall,
        "times_that_two_cores_allow": statistics.median(allowed),
        "times_that_two_cores_allow_all": allowed,
        "taken": taken,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
