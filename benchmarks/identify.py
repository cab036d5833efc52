"""identify against a large gallery, beside the bare work: embed the picture, multiply.

    python benchmarks/identify.py

The whole answer (threshold, probability, familiarity, quality, reasons, signature) of
`Recognizer.identify` for one picture file, over the time of `Embedder.embed` of the same file and
one product with the matrix of the enrolled; the two take turns. Beside it what an enrollment or a
forgetting costs until the next answer, with the new threshold, beyond the picture's embedding.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from holotype.datasets.catalogue import load_dataset
from holotype.embedder import Embedder
from holotype.gallery import Addition, SqliteGallery
from holotype.openset import Cohort
from holotype.openset.model import CohortModel
from holotype.pack import load_pack
from holotype.recognizer import Recognizer
from holotype.stats.scoring import unit

BAR_RATIO, BAR_FOLLOW_MS = 2.0, 50.0
STRANGERS = (20, 10)  # own ones: classes, pictures of each


def cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enrolled", type=int, default=10_000)
    parser.add_argument("--examples", type=int, default=1, help="of each")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--changes", type=int, default=10)
    options = parser.parse_args()
    pack, drawings = load_pack("characters"), load_dataset("sample")
    rng = np.random.default_rng(0)
    cohort, class_index = pack.cohort()
    # Identities as alike to the cohort as it is to itself, so that thresholds mean something.
    mixed = cohort[rng.integers(len(cohort), size=options.enrolled)]
    shape = (options.enrolled, options.examples, mixed.shape[1])
    people = unit(mixed[:, None] + 2 * rng.normal(size=shape) / np.sqrt(mixed.shape[1]))
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.png"
        Image.fromarray(drawings.images[1]).save(probe)
        gallery = SqliteGallery.open(
            Path(folder) / "large.gallery",
            pack.card.model_id,
            cohort.shape[1],
            model_name="characters",
        )
        gallery.add_strangers(
            unit(rng.normal(size=(STRANGERS[0] * STRANGERS[1], cohort.shape[1]))),
            np.repeat(np.arange(STRANGERS[0]), STRANGERS[1]),
        )
        gallery.add_all([Addition(f"label {n}", one) for n, one in enumerate(people)])
        embedder = Embedder(pack, threads=1)
        with Recognizer(
            embedder,
            gallery,
            CohortModel.of(Cohort(cohort, class_index), pack.background()),
            "characters",
        ) as recognizer:
            first_s = cpu_ms(lambda: recognizer.identify(probe)) / 1000

            def bare() -> object:
                return embedder.embed([probe]) @ people[:, 0].T

            pairs = [
                (cpu_ms(lambda: recognizer.identify(probe)), cpu_ms(bare))
                for _ in range(options.runs)
            ]
            changes = []
            for number in range(options.changes):
                changes.append(cpu_ms(lambda n=number: enroll_and_ask(recognizer, probe, n)))
                changes.append(cpu_ms(lambda n=number: forget_and_ask(recognizer, probe, n)))
    bare_ms = statistics.median(pair[1] for pair in pairs)
    identify_ms = statistics.median(pair[0] for pair in pairs)
    result = {
        "enrolled": options.enrolled,
        "examples": options.examples,
        "dims": cohort.shape[1],
        "identify_ms": round(identify_ms, 2),
        "bare_ms": round(bare_ms, 2),
        "ratio": round(statistics.median(ours / theirs for ours, theirs in pairs), 3),
        "first_s": round(first_s, 3),
        "enrolled_ms": round(statistics.median(changes[::2]) - identify_ms, 2),
        "forgotten_ms": round(statistics.median(changes[1::2]) - identify_ms, 2),
    }
    print(json.dumps(result))
    print(
        f"identify / bare work {result['ratio']} (bar {BAR_RATIO}); an enrollment is followed in "
        f"{result['enrolled_ms']} ms of CPU (bar {BAR_FOLLOW_MS:g}, commit included), who is "
        f"forgotten in {result['forgotten_ms']}"
    )


def enroll_and_ask(recognizer: Recognizer, probe: Path, number: int) -> None:
    vector = unit(np.random.default_rng(number).normal(size=(1, recognizer.embedding_dim)))
    recognizer.gallery.add(f"new {number}", vector)
    recognizer.identify(probe)


def forget_and_ask(recognizer: Recognizer, probe: Path, number: int) -> None:
    # Through the store, without the rewriting of the file that erasure is.
    vars(recognizer.gallery)["_erase"] = lambda connection: None
    recognizer.forget(f"new {number}")
    recognizer.identify(probe)


if __name__ == "__main__":
    main()
