"""The threshold of a gallery of a million: set at once, and followed through an enrollment.

    python benchmarks/evidence.py [--enrolled 1000000] [--changes 20]

Identities are drawn around the cohort of a shipped pack, one example each, in memory that is only
read, as a gallery hands it out. `follow` is what one more identity costs until the threshold at a
stated 1 % is known, of the processor's time; the bar is 50 ms. Also said: what it costs to play the
enrolled against one another anew, and the most memory that was used, beside that of the vectors.
Writes results/evidence.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.evidence import USUAL_RATE
from holotype.pack import load_pack
from holotype.stats.scoring import unit

RESULT = Path(__file__).parent.parent / "results" / "evidence.json"
PACK = "voices"  # 256 numbers
BAR_MS = 50.0
ROWS = 100_000  # drawn at a time


def drawn(cohort: np.ndarray, count: int) -> np.ndarray:
    """Identities as alike to the cohort as it is to itself, so that thresholds mean something."""
    rng = np.random.default_rng(0)
    result = np.empty((count, cohort.shape[1]), np.float32)
    for start in range(0, count, ROWS):
        mixed = cohort[rng.integers(len(cohort), size=min(ROWS, count - start))]
        spread = rng.standard_normal(mixed.shape, np.float32) / np.sqrt(mixed.shape[1])
        result[start : start + ROWS] = unit(mixed + 2 * spread)
    result.flags.writeable = False
    return result


def taken(work: Callable[[], Any]) -> tuple[Any, float]:
    """What comes out, and the seconds of the processor that it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def peak_bytes(reset: bool = False) -> int:
    """The most memory that this process has held (Linux); from now on, or since it was reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line
    ]
    return 1024 * int(line.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enrolled", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=20)
    options = parser.parse_args()
    pack = load_pack(PACK)
    cohort, class_index = pack.cohort()
    model = CohortModel.of(Cohort(cohort, class_index), pack.background())
    count = options.enrolled
    people = drawn(cohort, count + options.changes)
    names = tuple(os.urandom(16).hex() for _ in range(len(people)))
    before = peak_bytes(reset=True)
    matcher, anew_s = taken(lambda: Matcher.of(model, people[:count], keys=names[:count]))
    more = peak_bytes() - before

    def enrolled(many: int) -> Matcher:
        rows, keys = people[:many], names[:many]
        start = time.process_time()
        after = matcher.follow(rows, np.ones(many, np.int64), rows, keys)
        after.threshold(USUAL_RATE)
        follows.append(time.process_time() - start)
        return after

    follows: list[float] = []
    for number in range(options.changes):
        matcher = enrolled(count + number + 1)
    again = Matcher.of(model, people, keys=names)
    same = np.array_equal(matcher.threshold(USUAL_RATE).values, again.threshold(USUAL_RATE).values)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "enrolled": count,
        "dim": people.shape[1],
        "play": len(matcher.evidence.enrolled.rows),
        "smallest_guaranteed": matcher.smallest_rate(guaranteed=True),
        "basis": matcher.threshold(USUAL_RATE).basis,
        "anew_s": anew_s,
        "follow_ms": 1000 * statistics.median(follows),
        "follow_worst_ms": 1000 * max(follows),
        "equal_to_anew": same,
        "vectors_gb": people.nbytes / 1e9,
        "more_memory_gb": more / 1e9,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    print(f"followed in {result['follow_ms']:.1f} ms of the processor (bar {BAR_MS:g})")


if __name__ == "__main__":
    main()
