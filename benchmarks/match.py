"""`Matcher.match` of many probes, beside the bare work: one product, and the two largest of a row
(`argmax` twice, which is the cheapest way in numpy).

    python benchmarks/match.py

1,000 probes against 10,000 identities of 256 dimensions, with a cohort of 153 classes; the two take
turns. The threshold is known, as it is after the first answer of a gallery.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from holotype.openset import Cohort, Matcher
from holotype.openset.model import CohortModel
from holotype.stats.scoring import unit

BAR_RATIO = 1.1
RATE = 0.01


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probes", type=int, default=1_000)
    parser.add_argument("--enrolled", type=int, default=10_000)
    parser.add_argument("--dims", type=int, default=256)
    parser.add_argument("--classes", type=int, default=153)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    rng = np.random.default_rng(0)

    def drawn(count: int) -> NDArray[np.float32]:
        return unit(rng.normal(size=(count, options.dims)).astype(np.float32))

    centers = drawn(options.classes)
    index = np.repeat(np.arange(options.classes), 5)
    pictures = unit(centers[index] + 0.5 * drawn(len(index)))
    model = CohortModel.of(Cohort(pictures, index), drawn(200))
    enrolled, probes = drawn(options.enrolled), drawn(options.probes)
    matcher = Matcher.of(model, enrolled)

    def ours() -> object:
        return matcher.match(probes, RATE)

    def bare() -> object:
        similarity = probes @ enrolled.T
        first = similarity.argmax(axis=1)
        similarity[np.arange(len(first)), first] = -np.inf
        return first, similarity.argmax(axis=1)

    ours(), bare()
    pairs = [(cpu_s(ours), cpu_s(bare)) for _ in range(options.runs)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    print(
        json.dumps(
            {
                **vars(options),
                "match_ms": round(1000 * statistics.median(mine for mine, _ in pairs), 1),
                "bare_ms": round(1000 * statistics.median(theirs for _, theirs in pairs), 1),
                "ratio": round(ratio, 3),
            }
        )
    )
    print(f"match / product and top-2: {ratio:.3f} (bar {BAR_RATIO})")


if __name__ == "__main__":
    main()
