"""A gallery in another store beside the same in a file: the same decisions, and what they cost.

    python benchmarks/stores.py [--store milvus] [--enrolled 10000] [--probes 2000] [--added 300]

For each shipped pack the vectors of its cohort are the centers of classes; 10,000 classes are drawn
around them and enrolled in a file, which `holotype copy` brings into PostgreSQL, a real server on
this machine; or into another file, beside which Milvus, likewise, finds the candidates.
Half of the probes are of the enrolled. Both are asked the same, at three stated rates. Times are of
the two stores in turn, in one run, as ratios. Writes results/stores.json, or
results/stores_milvus.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import holotype
from holotype.errors import RateError
from holotype.gallery import Addition, copy, open_gallery
from holotype.pack import load_pack
from milvus import MilvusServer
from postgres import PostgresServer

RESULTS = Path(__file__).parent.parent / "results"
PACKS = ("characters", "objects", "shelf", "signatures", "voices", "words")
RATES = (0.1, 0.01, 0.001)
SPREAD = 0.5  # of an example around the center of its class, beside a unit center


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def drawn(pack: str, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """One example of each class, and another one of it: float32 [classes, D] each."""
    draw = np.random.default_rng(seed)
    cohort = np.asarray(load_pack(pack).cohort()[0], np.float32)
    noise = SPREAD / np.sqrt(cohort.shape[1])
    first, second = (draw.integers(len(cohort), size=classes) for _ in range(2))
    share = draw.random((classes, 1))
    centers = unit(share * cohort[first] + (1 - share) * cohort[second])
    first, second = (unit(centers + noise * draw.standard_normal(centers.shape)) for _ in range(2))
    return first, second


def decisions(pack: str, places: list[Any], vectors: np.ndarray) -> dict[str, Any]:
    """How the answers of two galleries to the same probes differ."""
    different, largest, refused, asked = 0, 0.0, [], 0
    with holotype.open(places[0], pack) as one, holotype.open(places[1], pack) as other:
        for rate in RATES:
            try:
                found = [each.identify(vectors=vectors, fpir=rate) for each in (one, other)]
            except RateError:
                refused.append(rate)
                continue
            asked += len(vectors)
            for left, right in zip(*found, strict=True):
                different += (left.answer, left.label) != (right.answer, right.label)
                largest = max(largest, abs((left.threshold or 0) - (right.threshold or 0)))
    return {
        "pack": pack,
        "asked": asked,
        "different": different,
        "threshold_difference": largest,
        "refused": refused,
    }


def timed(act: Callable[[int], object], times: int) -> float:
    """The median of the seconds that one call takes."""
    taken = []
    for number in range(times):
        start = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def costs(places: list[Any], added: int) -> dict[str, float]:
    """What a call costs in the second store, as a multiple of the first."""
    vectors = unit(np.random.default_rng(9).standard_normal((added, 64)))
    found: dict[str, list[float]] = {}
    for place in places:
        with open_gallery(place, "random", 64, model_name="random") as gallery:

            def enroll(number: int, gallery: Any = gallery) -> None:
                gallery.add(f"{number}", vectors[number : number + 1])

            found.setdefault("enroll one", []).append(timed(enroll, added))
            many = [Addition(f"many {n}", vectors[n : n + 1]) for n in range(added)]
            start = time.perf_counter()
            gallery.add_all(many)
            found.setdefault("enroll many at once", []).append(time.perf_counter() - start)
            found.setdefault("see that nothing changed", []).append(
                timed(lambda _, gallery=gallery: gallery.snapshot(), added)
            )
            found.setdefault("forget one", []).append(
                timed(lambda number, gallery=gallery: gallery.remove(f"{number}"), 10)
            )
    return {what: second / first for what, (first, second) in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", choices=("postgres", "milvus"), default="postgres")
    parser.add_argument("--enrolled", type=int, default=10_000)
    parser.add_argument("--probes", type=int, default=2_000)
    parser.add_argument("--added", type=int, default=300)
    arguments = parser.parse_args()
    server: Any = MilvusServer() if arguments.store == "milvus" else PostgresServer()

    def place(name: str) -> str:
        if arguments.store == "milvus":
            return str(server.url(name, server.folder / f"{name}.gallery"))
        return str(server.url("desk", more=f"?gallery={name}"))

    compared = []
    try:
        if arguments.store == "postgres":
            server.execute("CREATE DATABASE desk")
        with tempfile.TemporaryDirectory() as folder:
            for number, pack in enumerate(PACKS):
                file = Path(folder, f"{pack}.gallery")
                url = place(pack)
                half = arguments.probes // 2
                enrolled, others = drawn(pack, arguments.enrolled + half, number)
                card = load_pack(pack).card
                with open_gallery(
                    file, card.model_id, card.embedding_dim, model_name=pack
                ) as gallery:
                    gallery.add_all(
                        [Addition(f"{n}", enrolled[n : n + 1]) for n in range(arguments.enrolled)]
                    )
                start = time.perf_counter()
                copied = copy(file, url)
                row = decisions(
                    pack, [file, url], np.vstack([others[:half], others[arguments.enrolled :]])
                )
                compared.append({**row, "enrolled": copied.identities, "dim": card.embedding_dim})
                print(json.dumps(compared[-1]), f"{time.perf_counter() - start:.0f} s", flush=True)
            times = costs([Path(folder, "costs.gallery"), place("costs")], arguments.added)
    finally:
        server.stop()
    result = {"decisions": compared, "times_of_a_file": times}
    name = "stores_milvus" if arguments.store == "milvus" else "stores"
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
