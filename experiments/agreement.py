"""How often a gallery contradicts the cohort of its pack, at home and elsewhere.

python experiments/agreement.py

At home nobody should be alarmed; kinds of steel before the pack of things should be. Nothing is
chosen here but the level, on background characters and signatures.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import split
from holotype.openset import Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from tabling import keep, result, today

SETS = {
    "omniglot": "characters",
    "cedar": "signatures",
    "neu": "objects",
    "grocery-test": "shelf",
}
SIZES, GALLERIES, CLASSES, PICTURES = (3, 5, 10, 20), 100, 200, 4


def few(name: str) -> Dataset:
    """A few pictures of each class; of characters, some of the background."""
    data = load_dataset(name)
    if name == "omniglot":
        data = split(data, "background")
    classes = np.random.default_rng(0).permutation(len(data.class_names))[:CLASSES]
    keep = np.zeros(len(data), np.bool_)
    keep[np.concatenate([np.flatnonzero(data.class_index == c)[:PICTURES] for c in classes])] = True
    return data.rows(keep)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=SETS, help="measure this one anew, and keep the others")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if options.only:
        rows = [row for row in result("agreement")["rows"] if row["data"] != options.only]
    for name, pack in SETS.items():
        if options.only not in (None, name):
            continue
        data, model = few(name), cohort_model(load_pack(pack))
        vectors, _ = seen(data, load_pack(pack))
        classes = np.unique(data.class_index)
        for size in (n for n in SIZES if n < len(classes)):
            contradicted = []
            for seed in range(GALLERIES):
                rng = np.random.default_rng(seed)
                enrolled = rng.permutation(classes)[:size]
                drawn = [rng.choice(np.flatnonzero(data.class_index == c)) for c in enrolled]
                matcher = Matcher.of(model, vectors[drawn])
                contradicted.append(matcher.evidence.agreement.contradicted)
            rows.append(
                {
                    "data": name,
                    "pack": pack,
                    "enrolled": size,
                    "contradicted": float(np.mean(contradicted)),
                }
            )
            print(rows[-1], flush=True)
    rows.sort(key=lambda row: list(SETS).index(row["data"]))
    found = {"date": today(), "galleries": GALLERIES, "rows": rows}
    keep("agreement", found)


if __name__ == "__main__":
    main()
