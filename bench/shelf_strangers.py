"""What a stated rate is worth on a shelf: products of the pack's cohort that are not enrolled.

    HOLOTYPE_DATA=... python bench/shelf_strangers.py [--vectors FILE]

The pack `objects` learned from 41 products of Grocery; the other 40 are its cohort. In each of 200
draws 20 of them set the threshold, 10 are enrolled from their catalogue picture or from
photographs, and 10 are strangers; probes are the `test` photographs. So the cohort here is half of
the one that ships, and of the same shops as the strangers. --vectors keeps the embeddings (two
minutes on one core). Writes results/shelf_strangers.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import RateError
from holotype.openset import Cohort, ImpostorScores
from holotype.pack import Pack, load_pack
from holotype.report import seen
from holotype.scoring import unit
from holotype.tasks.bootstrap import share
from holotype.tasks.datasets import Dataset, load_dataset

RESULTS = Path(__file__).parent.parent / "results"
PARTS = ("catalogue", "train", "test")
COHORT, ENROLLED, DRAWS, RATES = 20, 10, 200, (0.3, 0.1, 0.01)
# What is enrolled: catalogue pictures and photographs.
EXAMPLES = {
    "catalogue": (1, 0),
    "catalogue + 1 photo": (1, 1),
    "1 photo": (0, 1),
    "5 photos": (0, 5),
}

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class HeldOut:
    """The cohort's products, 0..39: unit vectors of their pictures, and what is doubtful."""

    data: dict[str, Dataset]
    vectors: dict[str, Vectors]  # [M, D]
    doubtful: dict[str, NDArray[np.bool_]]  # [M]

    def rows(self, part: str, product: int) -> NDArray[np.int64]:
        return np.flatnonzero(self.data[part].class_index == product)

    def prototype(self, product: int, counts: tuple[int, int], photographs: Any) -> Vectors:
        """Of the catalogue picture or none, and of the first of these photographs."""
        from_catalogue = self.vectors["catalogue"][self.rows("catalogue", product)[: counts[0]]]
        from_aisle = self.vectors["train"][photographs[: counts[1]]]
        return unit(np.concatenate([from_catalogue, from_aisle]).mean(0))


def held_out(pack: Pack, file: Path | None) -> HeldOut:
    cohort, data = Cohort(*pack.cohort()), {}
    for part in PARTS:
        whole = load_dataset(f"grocery-{part}")
        names = pack.card.cohort["class_names"]
        data[part] = whole.subset([whole.class_names.index(name) for name in names])
    stored: dict[str, Any] = {}
    if file is not None and file.is_file():
        with np.load(file) as kept:
            stored = dict(kept)
    for part in PARTS:
        if part not in stored:
            stored[part], stored[f"{part} doubtful"] = seen(data[part], pack, cohort)
            print("embedded", part, flush=True)
    if file is not None and not file.is_file():
        np.savez(file, **stored)
    doubtful = {part: stored[f"{part} doubtful"] for part in PARTS}
    return HeldOut(data, {part: stored[part] for part in PARTS}, doubtful)


def measured(products: HeldOut, cohort: Cohort, enrolled_as: str, stated: float) -> dict[str, Any]:
    count = len(products.data["test"].class_names)
    probes, product = products.vectors["test"], products.data["test"].class_index
    doubtful = products.doubtful["test"]
    accepted, missed, refused = np.zeros((2, count)), np.zeros((2, count)), 0
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        order = rng.permutation(count)
        known = order[COHORT : COHORT + ENROLLED]
        photographs = [rng.permutation(products.rows("train", p)) for p in known]
        gallery = np.stack(
            [
                products.prototype(p, EXAMPLES[enrolled_as], rows)
                for p, rows in zip(known, photographs, strict=True)
            ]
        )
        playing = np.isin(cohort.class_index, order[:COHORT])
        strangers = Cohort(cohort.embeddings[playing], cohort.class_index[playing])
        shots = sum(EXAMPLES[enrolled_as])
        try:
            draws = ImpostorScores.of(strangers, range(ENROLLED), gallery, shots)
            level = draws.threshold(stated, "fpir")
        except RateError:
            refused += 1
            continue
        similarity = probes @ gallery.T
        match = (similarity.max(1) >= level) & ~doubtful
        right = match & (known[similarity.argmax(1)] == product)
        stranger, asked = (np.isin(product, p) for p in (order[COHORT + ENROLLED :], known))
        for tally, of, hits in ((accepted, stranger, match), (missed, asked, ~right)):
            tally[0] += np.bincount(product[of & hits], minlength=count)
            tally[1] += np.bincount(product[of], minlength=count)
    return {
        "enrolled_as": enrolled_as,
        "stated": stated,
        "refused": refused / DRAWS,
        "fpir": share(*accepted).to_json() if accepted.any() else None,
        "fnir": share(*missed).to_json() if missed.any() else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings")
    pack = load_pack("objects")
    products = held_out(pack, parser.parse_args().vectors)
    cohort = Cohort(*pack.cohort())
    rows = [measured(products, cohort, kind, rate) for kind in EXAMPLES for rate in RATES]
    for row in rows:
        print(row)
    result = {
        "command": "python bench/shelf_strangers.py",
        "model_id": pack.card.model_id,
        "draws": DRAWS,
        "cohort": COHORT,
        "enrolled": ENROLLED,
        "strangers": len(products.data["test"].class_names) - COHORT - ENROLLED,
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "shelf_strangers.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
