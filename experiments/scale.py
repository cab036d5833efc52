"""What a million and a billion identities take, and what becomes of the rates.

    python experiments/scale.py [--gb-month 7.45] [--gb-sent 0.02] [--probes-a-second 1]

The tail: each item of the cohort of the pack `characters` plays a stranger against the items of the
other classes. Its highest scores, on the scale -log(1 - s), are continued by an exponential tail
with their own mean excess (Pickands 1975; the exponential is the generalized Pareto of shape 0), so
that P(similarity >= t) is known of each stranger as far as that goes; a gallery of N, whose
identities are taken to be drawn one by one, lets it in with 1 - (1 - P) ** N. Two checks at the
small end, with real galleries of one example a class: of the same classes; and, to see what going
beyond costs, of 100 classes by a tail that was fitted to 30 others. Missed are pictures of a cohort
class beside another one of it. Also measured: how fast one core reads memory here. Prices are what
the reader puts in, in whatever currency; those that stand here are examples in US dollars of June
2026, of one cloud in Virginia: a machine of 8 GB at 0.0816 an hour (EC2 m7g.large), by its memory,
with 730 hours in a month; and 0.01 for each GB on leaving one hall and on entering another. Writes
results/scale.json.
"""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np
from numpy.typing import NDArray

from holotype.openset.scale import negative_log_distance
from holotype.pack import load_pack
from tabling import keep, today

PACK = "characters"
SIZES = [10**k for k in range(2, 10)]
RATES = (0.1, 0.01)
PEAKS = 0.01  # the share of scores that the tail is fitted to
LEVELS = np.linspace(0, 16, 801)  # of -log(1 - s)
REAL, FITTED, GALLERIES = 100, 30, 40

Doubles = NDArray[np.float64]
Classes = NDArray[np.int64]


def log_shares(vectors: Doubles, class_index: Classes) -> Doubles:
    """Log P(similarity to one identity reaches a level) of each item: float64 [X, LEVELS]."""
    similarity = vectors @ vectors.T
    similarity[class_index[:, None] == class_index] = -1
    others = len(vectors) - np.bincount(class_index)[class_index].max()
    peaks = math.ceil(PEAKS * others)
    top = np.partition(similarity, -peaks - 1, axis=1)[:, -peaks - 1 :]
    ranked = np.sort(negative_log_distance(top), axis=1)[:, ::-1]
    level = ranked[:, -1:]
    mean = (ranked[:, :-1] - level).mean(axis=1, keepdims=True)
    return np.asarray(math.log(peaks / others) - np.maximum(LEVELS - level, 0) / mean)


def threshold(shares: Doubles, size: int, rate: float) -> float:
    """The similarity from which a gallery of some size lets in that share of strangers."""
    curve = -np.expm1(size * np.log1p(-np.exp(shares))).mean(axis=0)
    return float(-np.expm1(-LEVELS[np.argmax(curve <= rate)]))


def reached(
    vectors: Doubles, class_index: Classes, classes: Classes, rng: np.random.Generator
) -> Doubles:
    """The best similarity of strangers to a real gallery of `REAL` of these classes."""
    order = rng.permutation(classes)
    one = [rng.choice(np.flatnonzero(class_index == which)) for which in order]
    return np.asarray((vectors[one[REAL:]] @ vectors[one[:REAL]].T).max(axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gb-month", type=float, default=0.0816 / 8 * 730)
    parser.add_argument("--gb-sent", type=float, default=0.02)
    parser.add_argument("--probes-a-second", type=float, default=1)
    prices = vars(parser.parse_args())
    rng = np.random.default_rng(0)
    cohort, class_index = load_pack(PACK).cohort()
    vectors, classes = cohort.astype(np.float64), np.unique(class_index)
    shares = log_shares(vectors, class_index)
    of_classes = [vectors[class_index == one] for one in classes]
    mates = np.concatenate([(of @ of.T)[np.triu_indices(len(of), 1)] for of in of_classes])
    rows = []
    for size in SIZES:
        for rate in RATES:
            level = threshold(shares, size, rate)
            missed = float((mates < level).mean())
            rows.append({"enrolled": size, "fpir": rate, "threshold": level, "missed": missed})
    same: dict[float, list[float]] = {rate: [] for rate in RATES}
    beyond: dict[float, list[float]] = {rate: [] for rate in RATES}
    known = {rate: threshold(shares, REAL, rate) for rate in RATES}
    for _ in range(GALLERIES):
        found = reached(vectors, class_index, classes, rng)
        order = rng.permutation(classes)
        some = np.isin(class_index, order[:FITTED])
        _, index = np.unique(class_index[some], return_inverse=True)
        fitted = log_shares(vectors[some], index)
        others = reached(vectors, class_index, order[FITTED:], rng)
        for rate in RATES:
            same[rate].append(float((found >= known[rate]).mean()))
            beyond[rate].append(float((others >= threshold(fitted, REAL, rate)).mean()))
    content, taken = np.ones(2**25, np.int64), []
    for _ in range(20):
        start = time.process_time()  # one thread, which others may keep waiting
        content.max()
        taken.append(time.process_time() - start)
    result = {
        "date": today(),
        "prices": prices,
        "pack": PACK,
        "rows": rows,
        "real": REAL,
        "fitted": FITTED,
        "checks": [
            {
                "stated": rate,
                "same": float(np.mean(same[rate])),
                "beyond": float(np.mean(beyond[rate])),
            }
            for rate in RATES
        ],
        "gb_per_s": content.nbytes / min(taken) / 1e9,
    }
    keep("scale", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
