"""Unlabeled pictures from the place of use: what they make of a stated rate.

    HOLOTYPE_DATA=... python experiments/unlabeled.py [--vectors FOLDER]

In each of 200 splits some classes are enrolled with one picture each, 200 unlabeled pictures are
given of which a share shows classes that are not enrolled, and strangers are classes on none of
these. Grocery: catalogue pictures enrolled, unlabeled `train` photographs, tested on `test` ones,
by the network alone, without the map learned from 41 products. How pictures are weighed was chosen
on the parts that `everywhere_sets.CHOOSING` names, none of them groceries. Vectors as for
experiments/everywhere.py. Writes results/unlabeled.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from everywhere import Answers, Asked
from everywhere_sets import Domain, Embedded, embedded, model_of
from holotype.openset import Matcher
from tabling import keep

SPLITS, PICTURES, RATES, SHARES, VIDEO = 200, 200, (0.1, 0.05), (0.0, 0.5, 0.9), 100
# The domain, how many are enrolled, and how many classes more may be on unlabeled pictures.
PLACES = (
    (Domain("products, catalogue to photo, bare", None, "catalogue", (40,)), 40, 20),
    (Domain("faces", "faces", "orl", (15,)), 15, 8),
    (Domain("signatures", "signatures", "cedar", (20,)), 20, 17),
    (Domain("things", "shelf", "caltech by shelf", (40,)), 40, 30),
    (Domain("spoken words, bare", None, "fsdd", (25,)), 25, 17),
    (Domain("characters", "characters", "evaluation", (40,)), 40, 40),
)


@dataclass(frozen=True)
class Split:
    """Who is enrolled, who is on unlabeled pictures, and who is asked."""

    support: NDArray[np.float32]  # [N, D]
    unlabeled: NDArray[np.float32]  # [U, D]
    asked: Asked


def splits(data: Embedded, aisle: Embedded | None, enrolled: int, more: int, share: float) -> Any:
    rows = {c: np.flatnonzero(data.class_index == c) for c in np.unique(data.class_index).tolist()}
    rng = np.random.default_rng(enrolled)
    for _ in range(SPLITS):
        order = rng.permutation(list(rows))
        known, others, strangers = np.split(order, [enrolled, enrolled + more])
        mixed = {c: rng.permutation(rows[c]) for c in rows}
        if aisle is None:  # of each class some pictures are shown, others are asked
            support = data.vectors[[mixed[c][0] for c in known.tolist()]]
            shown = {c: data.vectors[mixed[c][1 : 1 + len(mixed[c]) // 2]] for c in rows}
            free = {c: mixed[c][1 + len(mixed[c]) // 2 :] for c in rows}
        else:
            assert data.reference is not None
            support = data.vectors[data.reference[known]]
            shown = {c: aisle.vectors[aisle.class_index == c] for c in rows}
            free = {c: np.setdiff1d(mixed[c], data.reference[c]) for c in rows}
        of_strangers = round(share * PICTURES)
        who = [*rng.choice(others, of_strangers), *rng.choice(known, PICTURES - of_strangers)]
        unlabeled = np.stack([shown[c][rng.integers(len(shown[c]))] for c in who])
        column = np.append(np.arange(enrolled), np.full(len(strangers), -1))
        of_class = np.append(known, strangers)
        asked = Asked(of_class, column, np.array([rng.choice(free[c]) for c in of_class.tolist()]))
        yield Split(support, unlabeled, asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kept = Path(tempfile.gettempdir()) / "everywhere"
    parser.add_argument("--vectors", type=Path, default=kept, help="folder of the embeddings")
    folder = parser.parse_args().vectors
    cells: list[dict[str, Any]] = []
    for domain, enrolled, more in PLACES:
        data, model = embedded(domain, folder), None
        aisle = None
        if domain.data == "catalogue":
            aisle = embedded(Domain("aisle", None, "aisle", ()), folder)
        model = model_of(domain, data.vectors.shape[1])
        for share in SHARES:
            with_them = [Answers(rate) for rate in RATES]
            without = [Answers(rate) for rate in RATES]
            told: list[tuple[float, ...]] = []
            for split in splits(data, aisle, enrolled, more, share):
                bare = Matcher.of(model, split.support)
                matcher = bare.with_unlabeled(split.unlabeled)
                compared = matcher.compare(data.vectors[split.asked.rows])
                doubtful = data.doubtful[split.asked.rows]
                for one, other in zip(with_them, without, strict=True):
                    one.add(matcher, compared, doubtful, split.asked)
                    other.add(bare, compared, doubtful, split.asked)
                visitors = matcher.evidence.visitors
                assert visitors is not None
                # A hundred more frames of one visitor should change little.
                more_frames = np.repeat(split.unlabeled[:1], VIDEO, axis=0)
                filmed = bare.with_unlabeled(np.concatenate([split.unlabeled, more_frames]))
                assert filmed.evidence.visitors is not None
                told.append(
                    (
                        visitors.visitors,
                        visitors.strangers,
                        visitors.another_kind,
                        filmed.evidence.visitors.visitors - visitors.visitors,
                    )
                )
            seen = dict(
                zip(
                    ("visitors", "strangers", "another_kind", "more_visitors_by_a_video"),
                    np.mean(told, axis=0).round(4).tolist(),
                    strict=True,
                )
            )
            for one, other in zip(with_them, without, strict=True):
                about = {"domain": domain.name, "enrolled": enrolled, "share": share, **seen}
                cells.append(
                    about | one.cell(len(data.group)) | {"without": other.cell(len(data.group))}
                )
                print(json.dumps(cells[-1]), flush=True)
    result = {"command": "python experiments/unlabeled.py", "splits": SPLITS, "cells": cells}
    keep("unlabeled", result)


if __name__ == "__main__":
    main()
