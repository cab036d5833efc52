"""One rule everywhere: stated against measured, for faces, signatures, products and characters.

    HOLOTYPE_DATA=... python bench/everywhere.py [--vectors FOLDER]

No own strangers are given: thresholds rest on the enrolled themselves and on the pack's cohort. The
curve that is followed where the enrolled are too few for the rate was chosen on the first half of
the people of ORL and of the signers of CEDAR (in the order that `HALVES` draws); measured here is
the other half, and all of the products and characters. Whoever is not enrolled is a stranger.
--vectors keeps the embeddings. Writes results/everywhere.json; a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.openset import CohortModel, Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.scoring import Floats
from holotype.tasks.datasets import Dataset, load_dataset
from holotype.tasks.open_set import open_set
from holotype.tasks.splits import split

RESULT = Path(__file__).parent.parent / "results" / "everywhere.json"
RATES, GALLERIES, HALVES = (0.3, 0.1, 0.05, 0.01), 200, 7
# Of each: the pack, the sizes of galleries, and the numbers of examples.
DOMAINS = {
    "faces": ("faces", (10,), (1, 5)),
    "signatures": ("signatures", (14,), (1, 5)),
    "products, photo to photo": ("objects", (20, 40), (1, 5)),
    "characters": ("characters", (5, 20, 100), (1, 5)),
}


def other_half(data: Dataset) -> Dataset:
    """The classes on which nothing was chosen."""
    order = np.random.default_rng(HALVES).permutation(len(data.class_names))
    return data.subset(np.sort(order[len(order) // 2 :]))


def pictures(domain: str) -> Dataset:
    if domain == "faces":
        return other_half(load_dataset("orl"))
    if domain == "signatures":
        cedar = load_dataset("cedar")  # a signer's genuine ones, then the forged, are a class each
        return other_half(cedar.subset(np.arange(0, len(cedar.class_names), 2)))
    if domain == "characters":
        return split(load_dataset("omniglot"), "evaluation")
    return load_dataset("grocery-test")


def embedded(domain: str, folder: Path | None) -> tuple[Floats, NDArray[np.bool_], Any]:
    """Vectors [M, D], which are doubtful, and classes [M]; who has no vector is left out."""
    file = folder / f"{domain.split(',')[0]}.npz" if folder else None
    if file is not None and file.is_file():
        with np.load(file) as kept:
            return kept["vectors"], kept["doubtful"], kept["class_index"]
    data = pictures(domain)
    vectors, doubtful = seen(data, load_pack(DOMAINS[domain][0]))
    there = vectors.any(axis=1)
    found = vectors[there], doubtful[there], data.class_index[there]
    if file is not None:
        np.savez(file, vectors=found[0], doubtful=found[1], class_index=found[2])
    return found


class Noting:
    """Prepares galleries, and notes what their thresholds rest on."""

    def __init__(self, model: CohortModel) -> None:
        self.model = model
        self.bases: dict[float, Counter[str]] = {rate: Counter() for rate in RATES}

    def __call__(self, support: Floats) -> Matcher:
        matcher = Matcher.of_support(self.model, support)
        for rate, bases in self.bases.items():
            with suppress(RateError):
                bases[matcher.threshold(rate).basis] += 1
        return matcher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help="folder that keeps the embeddings")
    folder, rows = parser.parse_args().vectors, []
    for domain, (pack, sizes, shots) in DOMAINS.items():
        vectors, doubtful, class_index = embedded(domain, folder)
        for enrolled in sizes:
            for k_shot in shots:
                prepare = Noting(cohort_model(load_pack(pack)))
                report = open_set(
                    vectors,
                    class_index,
                    prepare,
                    doubtful=doubtful,
                    enrolled=enrolled,
                    k_shot=k_shot,
                    galleries=GALLERIES,
                    rates=RATES,
                )
                for row in report.identification:
                    rows.append(
                        {
                            "domain": domain,
                            "classes": report.classes,
                            "enrolled": enrolled,
                            "examples": k_shot,
                            "stated": row.rate,
                            "basis": dict(prepare.bases[row.rate]),
                            "refused": row.refused / GALLERIES,
                            "fpir": row.fpir and row.fpir.to_json(),
                            "fnir": row.fnir and row.fnir.to_json(),
                        }
                    )
                    print(rows[-1], flush=True)
    result = {"command": "python bench/everywhere.py", "galleries": GALLERIES, "rows": rows}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
