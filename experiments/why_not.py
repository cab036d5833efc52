"""Why not something simpler: nearest neighbor, one constant threshold, and a stated rate.

    HOLOTYPE_DATA=... python experiments/why_not.py

The same embeddings and the same galleries for all three: evaluation characters enrolled from one
drawing each; other drawings of the enrolled are probes, those of everybody else are strangers.
Ten of the twenty drawings of each character take part: it is characters that count. The constant
threshold is the best that can be known beforehand for galleries of 20: on the characters of the
pack's cohort it lets in just the stated share. Writes results/why_not.json; some minutes on two
cores, nearly all of them to embed the pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedded import seen_once
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.evaluation.galleries import draw_galleries
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from tabling import keep
from tallying import Tally, by_constant

SIZES, RATES, GALLERIES = (20, 100), (0.1, 0.01), 200
TUNED_AT = SIZES[0]
EVERY = 2  # second drawing
RULES = ("nearest", "constant", "stated")


def constant_thresholds(cohort: Cohort) -> dict[float, float]:
    """For each rate the similarity that this share of cohort strangers reaches, galleries of 20."""
    _, class_index = np.unique(cohort.class_index, return_inverse=True)
    drawn = draw_galleries(class_index, enrolled=TUNED_AT, galleries=GALLERIES, seed=1)
    reached = []
    for enrolled, support in zip(drawn.enrolled, drawn.support, strict=True):
        strangers = cohort.embeddings[~np.isin(class_index, enrolled)]
        reached.append((strangers @ cohort.embeddings[support[:, 0]].T).max(axis=1))
    return {rate: float(np.quantile(np.concatenate(reached), 1 - rate)) for rate in RATES}


def measure(
    size: int,
    embeddings: NDArray[np.float32],
    doubtful: NDArray[np.bool_],
    of_class: NDArray[np.int64],
    model: CohortModel,
    constant: dict[float, float],
) -> list[dict[str, Any]]:
    """What each rule answers to the same probes."""
    classes = int(of_class.max()) + 1
    tallies = {(rule, rate): Tally(rate, classes) for rule in RULES for rate in RATES}
    drawn = draw_galleries(of_class, enrolled=size, galleries=GALLERIES, seed=size)
    familiarity = model.novelty.p_value(embeddings)
    for enrolled, support in zip(drawn.enrolled, drawn.support, strict=True):
        matcher = Matcher.of_support(model, embeddings[support])
        asked = np.setdiff1d(np.arange(len(embeddings)), support)
        compared = matcher.compare(embeddings[asked], familiarity=familiarity[asked])
        for rate in RATES:
            stated = matcher.decide(compared, rate, doubtful[asked])
            for rule, found in (
                ("nearest", by_constant(stated, -1)),
                ("constant", by_constant(stated, constant[rate])),
                ("stated", stated),
            ):
                tallies[rule, rate].count(found, enrolled, of_class[asked])
    return [
        {
            "rule": rule,
            "stated": rate,
            "enrolled": size,
            "accepted": tally.fpir(),
            "missed": tally.fnir(),
        }
        for (rule, rate), tally in tallies.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings (.npz)")
    kept = parser.parse_args().vectors
    pack = load_pack("characters")
    model = cohort_model(pack)
    data = split(load_dataset("omniglot"), "evaluation")
    data = data.rows(np.arange(len(data)) % EVERY == 0)
    embeddings, doubtful = seen_once(data, pack, kept)
    constant = constant_thresholds(model.cohort)
    rows = [
        row
        for size in SIZES
        for row in measure(size, embeddings, doubtful, data.class_index, model, constant)
    ]
    for row in rows:
        print(row)
    result = {
        "command": "python experiments/why_not.py",
        "model_id": pack.card.model_id,
        "galleries": GALLERIES,
        "tuned_at": TUNED_AT,
        "constant": {str(rate): round(value, 5) for rate, value in constant.items()},
        "rows": rows,
    }
    keep("why_not", result)


if __name__ == "__main__":
    main()
