"""What a stated rate is worth where an index finds the candidates, and misses some.

    python benchmarks/approximate_search.py [--enrolled 1000000] [--probes 10000] [--draws 10]
        [--no-hnsw]

Identities are drawn around the cohort of a shipped pack, one example each (`evidence.py`). As many
more of them are strangers as there are probes of the enrolled, which are other examples. All are
looked for exactly; in an HNSW graph, built and asked as `gallery.milvus` has Milvus do it; and in
inverted lists, of which some or few are opened. Both are faiss's. They take the place of the engine
alone: candidates are compared, what is missed is measured, and answers are given by what does so in
a gallery with an index (`IndexSearch`, `Matcher`). The 1,024 enrolled who set the thresholds are
picked anew in each draw, and the shares are means over the draws. Seconds are the processor's, of
one thread. A graph of a million takes an hour to build: --no-hnsw leaves it out. Writes
results/approximate_search.json.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from evidence import PACK, drawn
from holotype.exact_search import ExactSearch
from holotype.gallery.indexed import SPARE
from holotype.gallery.milvus import BUILT, LOOKED_AT
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.matcher import Compared, Search
from holotype.pack import load_pack
from holotype.recognizer.index_search import IndexSearch
from holotype.stats.scoring import unit

RESULT = Path(__file__).parent.parent / "results" / "approximate_search.json"
RATES = (0.1, 0.01)
APART = 1.8  # how far another example lies from the enrolled one, which has length 1
OPENED = (64, 8)  # of the inverted lists
LEARNED_FROM = 64  # vectors for each list
Floats = NDArray[np.float32]


def hnsw(vectors: Floats) -> Any:
    links, candidates = BUILT["hnsw"]["M"], BUILT["hnsw"]["efConstruction"]
    index = faiss.IndexHNSWFlat(vectors.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = candidates
    index.hnsw.efSearch = LOOKED_AT
    index.add(vectors)
    return index


def ivf(vectors: Floats) -> Any:
    lists = 4 * math.isqrt(len(vectors))
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[: LEARNED_FROM * lists])
    index.add(vectors)
    return index


def search_of(found: Any, name: str, matcher: Matcher, keys: tuple[str, ...]) -> IndexSearch:
    """The search of a gallery whose engine is that index."""

    def candidates(_: object, vectors: Floats, count: int) -> list[list[str]]:
        _, rows = found.search(vectors, count + SPARE)
        return [[keys[row] for row in one if row >= 0] for one in rows]

    gallery: Any = SimpleNamespace(
        index=SimpleNamespace(name=name, kind=name, exact=False), candidates=candidates
    )
    snapshot: Any = SimpleNamespace(identities=keys)
    return IndexSearch(gallery, snapshot, matcher)


def searches(
    vectors: Floats, matcher: Matcher, keys: tuple[str, ...], graph: bool
) -> Iterator[tuple[str, Search, float]]:
    """What finds the most alike, one after the other, and the seconds that each took to make."""
    start = time.process_time()
    exact = ExactSearch(vectors)
    exact.nearest(vectors[:1], 2)  # which codes them
    yield "exact", exact, time.process_time() - start
    if graph:
        start = time.process_time()
        made = hnsw(vectors)
        yield "HNSW", search_of(made, "HNSW", matcher, keys), time.process_time() - start
        del made
    start = time.process_time()
    made = ivf(vectors)
    taken_s = time.process_time() - start
    for opened in OPENED:
        made.nprobe = opened
        name = f"IVF, {opened} lists"
        yield name, search_of(made, name, matcher, keys), taken_s


def compared(matcher: Matcher, probes: Floats) -> tuple[Compared, float]:
    """The probes beside the enrolled, and the milliseconds of the processor for each."""
    familiarity = np.ones(len(probes))
    start = time.process_time()
    found = [
        matcher.compare(probes[at : at + 256], familiarity=familiarity[at : at + 256])
        for at in range(0, len(probes), 256)
    ]
    taken_ms = 1000 * (time.process_time() - start) / len(probes)
    candidates = np.vstack([one.candidates for one in found])
    similarity = np.vstack([one.similarity for one in found])
    return Compared(None, candidates, similarity, familiarity), taken_ms


def shares(matcher: Matcher, strangers: Compared, own: Compared, rate: float) -> tuple[float, ...]:
    """The shares of strangers who are let in, and of the enrolled who are missed."""
    answers = matcher.decide(own, rate)
    right = answers.match & (answers.best == np.arange(len(answers)))
    return float(matcher.decide(strangers, rate).accepted.mean()), float(1 - right.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enrolled", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--no-hnsw", action="store_true")
    options = parser.parse_args()
    count, asked = options.enrolled, options.probes
    faiss.omp_set_num_threads(1)
    people = drawn(load_pack(PACK).cohort()[0], count + asked)
    enrolled, strangers = people[:count], people[count:]
    noise = np.random.default_rng(1).standard_normal((asked, people.shape[1]), np.float32)
    others = unit(enrolled[:asked] + APART * noise / np.sqrt(people.shape[1], dtype=np.float32))
    model = CohortModel.of(Cohort.none(people.shape[1]))

    def keys(draw: int) -> tuple[str, ...]:
        return tuple(f"{draw}/{number}" for number in range(count))

    first = Matcher.of(model, enrolled, keys=keys(0))
    truth: list[Compared] = []
    rows, asked_of = [], []
    for name, search, build_s in searches(enrolled, first, keys(0), not options.no_hnsw):
        row: dict[str, Any] = {"engine": name, "build_s": build_s}
        if isinstance(search, IndexSearch):
            measured = search.measured()
            row["looked_for"], row["not_found"] = measured.asked, measured.missed
            row["at_most"] = measured.at_most
        matcher = first.searching(search)
        (of_strangers, row["probe_ms"]), (own, _) = (
            compared(matcher, probes) for probes in (strangers, others)
        )
        truth = truth or [of_strangers, own]
        row["best_missed"], row["own_best_missed"] = (
            float((found.candidates[:, 0] != best.candidates[:, 0]).mean())
            for found, best in zip((of_strangers, own), truth, strict=True)
        )
        # What it found is enough from here on.
        asked_of.append((SimpleNamespace(exact=search.exact), of_strangers, own))
        rows.append(row)
        print(json.dumps(row), flush=True)
    found: dict[tuple[int, float], list[tuple[float, ...]]] = {}
    for draw in range(options.draws):
        drawn_anew = first if draw == 0 else Matcher.of(model, enrolled, keys=keys(draw))
        for at, (found_by, of_strangers, own) in enumerate(asked_of):
            for rate in RATES:
                one = shares(drawn_anew.searching(found_by), of_strangers, own, rate)
                found.setdefault((at, rate), []).append(one)
    for at, row in enumerate(rows):
        means = {rate: np.mean(found[at, rate], axis=0) for rate in RATES}
        row["rates"] = [
            {"stated": rate, "let_in": let_in, "missed": missed}
            for rate, (let_in, missed) in means.items()
        ]
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "enrolled": count,
        "dim": people.shape[1],
        "probes": asked,
        "draws": options.draws,
        "play": len(first.evidence.enrolled.rows),
        "engines": rows,
    }
    print(json.dumps(result, indent=1))
    done = json.loads(RESULT.read_text()) if RESULT.exists() else []
    done = [one for one in done if one["enrolled"] != count] + [result]
    RESULT.write_text(json.dumps(sorted(done, key=lambda one: one["enrolled"]), indent=1) + "\n")


if __name__ == "__main__":
    main()
