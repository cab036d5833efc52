"""Exact search as identify does it, against the bare numpy product and top-5.

    python benchmarks/exact_search.py

One probe in a gallery of 100,000 unit vectors with 256 dimensions; the two take turns.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from holotype.stats.scoring import top_k, unit

TOP = 5


def searched(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.int64]:
    return top_k(vectors @ query, TOP)


def bare(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.int64]:
    similarity = vectors @ query
    best = np.argpartition(similarity, -TOP)[-TOP:]
    return best[np.argsort(-similarity[best])]


def seconds(function: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--runs", type=int, default=101)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    vectors = unit(rng.standard_normal((arguments.rows, arguments.dim), dtype=np.float32))
    queries = unit(rng.standard_normal((arguments.runs, arguments.dim), dtype=np.float32))
    times: dict[str, list[float]] = {"holotype": [], "bare": []}
    for turn, query in enumerate(queries):
        assert (searched(vectors, query) == bare(vectors, query)).all()  # also warms both
        pair = [("holotype", searched), ("bare", bare)]
        for name, function in pair if turn % 2 else reversed(pair):
            times[name].append(seconds(function, vectors, query))
    ours, theirs = (1000 * np.array(times[name]) for name in ("holotype", "bare"))
    ratio = float(np.median(ours) / np.median(theirs))
    figures = {
        "rows": arguments.rows,
        "dim": arguments.dim,
        "runs": arguments.runs,
        "holotype_ms": round(float(np.median(ours)), 3),
        "bare_ms": round(float(np.median(theirs)), 3),
        "ratio": round(ratio, 3),
    }
    print(json.dumps(figures))
    print(
        f"exact search of {arguments.rows:,} x {arguments.dim}: median "
        f"{figures['holotype_ms']} ms, bare numpy {figures['bare_ms']} ms, ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
