"""What a stated rate is worth on a shelf: products of the pack's cohort that are not enrolled.

    HOLOTYPE_DATA=... python experiments/shelf_strangers.py [--vectors FILE]

The pack `shelf` learned from 41 products of Grocery; the other 40 are its cohort. In each of 200
draws 20 of them set the threshold, 10 are enrolled from their catalogue picture or from
photographs, and 10 are strangers; probes are the `test` photographs. So the cohort here is half of
the one that ships, and of the same shops as the strangers. --vectors keeps the embeddings (two
minutes on one core). Writes results/shelf_strangers.json.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.openset import Cohort, CohortModel, Matcher, Novelty
from holotype.pack import Pack, load_pack
from holotype.report import seen
from holotype.stats.scoring import unit
from tabling import keep
from tallying import Tally

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
    data = {}
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
            stored[part], stored[f"{part} doubtful"] = seen(data[part], pack)
            print("embedded", part, flush=True)
    if file is not None and not file.is_file():
        np.savez(file, **stored)
    doubtful = {part: stored[f"{part} doubtful"] for part in PARTS}
    return HeldOut(data, {part: stored[part] for part in PARTS}, doubtful)


def model_of(pack: Pack, products: NDArray[np.int64]) -> CohortModel:
    """The model as if its cohort were only these products."""
    cohort = Cohort(*pack.cohort())
    kept = np.isin(cohort.class_index, products)
    half = Cohort(cohort.embeddings[kept], cohort.class_index[kept])
    return CohortModel(half, None, Novelty(pack.background(), half))


def measured(products: HeldOut, pack: Pack, enrolled_as: str) -> list[dict[str, Any]]:
    """A row for each stated rate."""
    count = len(products.data["test"].class_names)
    product = products.data["test"].class_index
    tallies = [Tally(rate, count) for rate in RATES]
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        order = rng.permutation(count)
        known, others = order[COHORT : COHORT + ENROLLED], order[COHORT + ENROLLED :]
        photographs = [rng.permutation(products.rows("train", p)) for p in known]

        def enrolled(counts: tuple[int, int], known: Any = known, of: Any = photographs) -> Vectors:
            each = zip(known, of, strict=True)
            return np.stack([products.prototype(p, counts, rows) for p, rows in each])

        from_catalogue, from_aisle = EXAMPLES[enrolled_as]
        matcher = Matcher.of(
            model_of(pack, order[:COHORT]),
            enrolled((from_catalogue, from_aisle)),
            from_catalogue + from_aisle,
            exemplars=enrolled((1, 0) if from_catalogue else (0, 1)),
        )
        asked = np.isin(product, [*known, *others])
        compared = matcher.compare(products.vectors["test"][asked])
        for tally in tallies:
            tally.add(matcher, compared, known, product[asked], products.doubtful["test"][asked])
    return [
        {
            "enrolled_as": enrolled_as,
            "stated": tally.rate,
            "refused": len(tally.refused) / DRAWS,
            "basis": dict(tally.bases),
            "fpir": tally.fpir(),
            "fnir": tally.fnir(),
        }
        for tally in tallies
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings")
    pack = load_pack("shelf")
    products = held_out(pack, parser.parse_args().vectors)
    rows = [row for kind in EXAMPLES for row in measured(products, pack, kind)]
    for row in rows:
        print(row)
    result = {
        "command": "python experiments/shelf_strangers.py",
        "model_id": pack.card.model_id,
        "draws": DRAWS,
        "cohort": COHORT,
        "enrolled": ENROLLED,
        "strangers": len(products.data["test"].class_names) - COHORT - ENROLLED,
        "rows": rows,
    }
    keep("shelf_strangers", result)


if __name__ == "__main__":
    main()
