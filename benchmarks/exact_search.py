"""Identifying among a million, exactly: beside a plain read of its codes, and a float32 product.

    python benchmarks/exact_search.py [--enrolled 1000000] [--runs 101] [--mapped FOLDER]

Random unit vectors, one an identity. The three take turns: `Matcher.match` of one probe with a
stated rate; the highest of as many bytes as the codes have, which numpy finds as fast as memory
gives them, in a thread on each core; and the product of the float32 vectors with the probe. Ratios
are of turns, of time and of the processor's time. Answers are compared with those of all inner
products in float64. Also: making the codes, the memory that they take beside the vectors, one
enrollment, and the most memory that the process held over these. With --mapped the vectors lie in a
file; what is read of it is not counted as memory, as the system takes it back when it likes. Writes
results/exact_search.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.cores import usable_cores
from holotype.exact_search import ExactSearch
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.stats.scoring import top_k, unit

RESULT = Path(__file__).parent.parent / "results" / "exact_search.json"
BAR_RATIO = 1.15
RATE = 0.01
TOP, PROBES = 2, 32
ROWS = 16_384  # drawn, or compared, at a time
Figures = dict[str, float | int | str | bool]


def drawn(count: int, dim: int, folder: Path | None) -> NDArray[np.float32]:
    draw = np.random.default_rng(0)
    if folder is None:
        result = np.empty((count, dim), np.float32)
    else:
        result = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (count, dim))
    for start in range(0, count, ROWS):
        rows = result[start : start + ROWS]
        rows[:] = unit(draw.standard_normal(rows.shape, np.float32))
    result.flags.writeable = False
    return result


def by_all(vectors: NDArray[np.float32], probes: NDArray[np.float32]) -> NDArray[np.int64]:
    """The most alike of each probe, by every inner product."""
    exact = probes.astype(np.float64).T
    found = np.empty((len(probes), 0), np.int64)
    reached = np.empty((len(probes), 0), np.float32)
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS].astype(np.float64)
        reached = np.hstack([reached, (part @ exact).T.astype(np.float32)])
        rows = np.broadcast_to(np.arange(start, start + len(part)), (len(probes), len(part)))
        found = np.hstack([found, rows])
        best = np.array([top_k(row, TOP) for row in reached])
        found = np.take_along_axis(found, best, axis=1)
        reached = np.take_along_axis(reached, best, axis=1)
    return found


def taken(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and seconds of the processor."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def memory(name: str) -> int:
    """What this process holds, bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return 1024 * int(line.split()[1])


@contextmanager
def watched() -> Iterator[list[int]]:
    """The most that this process holds meanwhile, but for what is read of files: one number."""
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], memory("RssAnon"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def in_turns(
    kinds: dict[str, Callable[[int], object]], runs: int
) -> dict[str, NDArray[np.float64]]:
    """Seconds, and of the processor, of each kind: float64 [runs, 2]."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    for turn in range(runs + 1):
        for name, work in kinds.items():
            found[name].append(taken(lambda work=work, turn=turn: work(turn)))
    return {name: np.array(rows[1:]) for name, rows in found.items()}  # the first warms


def measured(
    vectors: NDArray[np.float32], more: NDArray[np.float32], runs: int, mapped: bool
) -> Figures:
    count, dim = vectors.shape[0] - 1, vectors.shape[1]
    wanted = by_all(vectors[:count], more[:PROBES])  # first, so that its memory does not count
    before = memory("RssAnon")
    with watched() as most:
        search = ExactSearch(vectors[:count])
        built_s, built_cpu_s = taken(lambda: search.nearest(more[:1], TOP))
        codes_bytes = memory("RssAnon") - before
        start = time.process_time()
        after = search.follow(vectors, (np.arange(count), np.array([count])))
        after.nearest(more[:1], TOP)
        change_s = time.process_time() - start
        found, _ = search.nearest(more[:PROBES], TOP)
    figures: Figures = {
        "enrolled": count,
        "dim": dim,
        "mapped": mapped,
        "equal_answers": bool((found == wanted).all()),
        "asked": PROBES,
        "build_s": built_s,
        "build_processor_s": built_cpu_s,
        "codes_gb": codes_bytes / 1e9,
        "float32_gb": vectors.nbytes / 1e9,
        "process_gb": memory("RssAnon") / 1e9,
        "most_gb": most[0] / 1e9,
    }
    if mapped:
        times = in_turns({"search": lambda turn: search.nearest(more[turn : turn + 1], TOP)}, runs)
    else:
        model = CohortModel.of(Cohort.none(dim))
        matcher = replace(Matcher.of(model, vectors[:count]), search=search)
        matcher.threshold(RATE)
        content = np.ones(count * dim // 8, np.int64)
        cores = usable_cores()

        def read(_: int) -> list[np.int64]:
            with ThreadPoolExecutor(cores) as pool:
                return list(pool.map(np.max, np.array_split(content, cores)))

        times = in_turns(
            {
                "search": lambda turn: matcher.match(more[turn : turn + 1], RATE),
                "read": read,
                "float32": lambda turn: vectors[:count] @ more[turn],
            },
            runs,
        )
        many = in_turns({"many": lambda _: search.nearest(more[:PROBES], TOP)}, 3)["many"]
        figures |= {
            "read_ratio": float(np.median(times["search"][:, 0] / times["read"][:, 0])),
            "read_ratio_processor": float(np.median(times["search"][:, 1] / times["read"][:, 1])),
            "read_ratio_processor_least": float(
                times["search"][:, 1].min() / times["read"][:, 1].min()
            ),
            "float32_ratio": float(np.median(times["float32"][:, 1] / times["search"][:, 1])),
            "read_ms": 1000 * float(np.median(times["read"][:, 1])),
            "of_32_processor_ms": 1000 * float(np.median(many[:, 1])) / PROBES,
        }
    wall, processor = (1000 * times["search"]).T
    return figures | {
        "identify_ms": float(np.median(wall)),
        "identify_p99_ms": float(np.quantile(wall, 0.99)),
        "identify_processor_ms": float(np.median(processor)),
        "identify_processor_p99_ms": float(np.quantile(processor, 0.99)),
        "after_a_change_ms": 1000 * change_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enrolled", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--runs", type=int, default=101)
    parser.add_argument("--mapped", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    draw = np.random.default_rng(1)
    shape = max(options.runs + 1, PROBES), options.dim
    more = unit(draw.standard_normal(shape, np.float32))
    with tempfile.TemporaryDirectory(dir=options.mapped) as folder:
        place = None if options.mapped is None else Path(folder)
        vectors = drawn(options.enrolled + 1, options.dim, place)
        figures = measured(vectors, more, options.runs, place is not None)
        del vectors
    result = json.loads(RESULT.read_text()) if RESULT.exists() else []
    key = options.enrolled, options.dim, options.mapped is not None
    result = [one for one in result if (one["enrolled"], one["dim"], one["mapped"]) != key]
    result.append({"date": datetime.now(UTC).date().isoformat(), **figures})
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    if "read_ratio" in figures:
        print(f"identify / plain read of the codes: {figures['read_ratio']:.2f} (bar {BAR_RATIO})")


if __name__ == "__main__":
    main()
