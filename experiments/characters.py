"""What the shipped pack reaches, through the embedder that serves. Opens the test sets.

    HOLOTYPE_DATA=... python experiments/characters.py [--model characters] [--record]

Writes results/characters.json; with --record the scores are also appended to the pack's card,
so that the card shows how often the test sets were opened. About three minutes on two cores.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.evaluation.accuracy import evaluate, prototype_scores
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.open_set import open_set
from holotype.evaluation.protocols import Plan, plan
from holotype.openset import CohortModel, Matcher
from holotype.pack import add_scores, load_pack
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from tabling import keep, today

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "lake": ("Lake's 20 runs, within one alphabet", {"protocol": "lake", "data": "omniglot"}),
    "evaluation": (
        "all evaluation characters",
        {"protocol": "evaluation", "data": "omniglot", "n_way": 20, "episodes": 1000},
    ),
    "digits": (
        "digits, another source",
        {"protocol": "evaluation", "data": "digits", "n_way": 10, "episodes": 200},
    ),
}
GALLERIES, ENROLLED, STATED = 400, 20, (0.1, 0.01)


def embedded(embedder: Embedder, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return embedder.embed(list(images))


def accuracy(key: str, planned: Plan, vectors: NDArray[np.float32]) -> dict[str, object]:
    report = evaluate(
        prototype_scores,
        gather(vectors, planned.index),
        protocol=planned.protocol,
        n_query=planned.n_query,
    )
    return {"key": key, "title": TASKS[key][0], "data": planned.data, **report.to_json()}


def strangers(
    vectors: NDArray[np.float32],
    doubtful: NDArray[np.bool_],
    class_index: NDArray[np.int64],
    model: CohortModel,
) -> list[dict[str, object]]:
    """20 enrolled from one drawing each, everybody else a stranger: a row for each rate."""
    report = open_set(
        vectors,
        class_index,
        partial(Matcher.of_support, model),
        doubtful=doubtful,
        enrolled=ENROLLED,
        galleries=GALLERIES,
        rates=STATED,
    )
    return [
        {
            "stated": row.rate,
            "refused": row.refused / GALLERIES,
            "fpir": row.fpir and row.fpir.to_json(),
            "fnir": row.fnir and row.fnir.to_json(),
        }
        for row in report.identification
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="characters", help="name or folder of a pack")
    parser.add_argument("--record", action="store_true", help="append the scores to the card")
    arguments = parser.parse_args()
    pack = load_pack(arguments.model)
    embedder = Embedder(pack)
    evaluation = split(load_dataset("omniglot"), "evaluation")
    of_evaluation, doubtful = seen(evaluation, pack)
    rows = []
    for key, (_, task) in TASKS.items():
        planned = plan(**task, seed=0)
        vectors = of_evaluation if key == "evaluation" else embedded(embedder, planned.images[:])
        rows.append(accuracy(key, planned, vectors))
        print(f"{rows[-1]['title']}: {rows[-1]['accuracy']} +- {rows[-1]['ci95']} %", flush=True)
    accepted = strangers(of_evaluation, doubtful, evaluation.class_index, cohort_model(pack))
    for row in accepted:
        print(f"strangers accepted, stated {row['stated']:g}: {row}", flush=True)
    date = today()
    if arguments.record:
        add_scores(pack.path, [{**row, "date": date} for row in rows])
    result = {
        "command": "python experiments/characters.py",
        "model_id": pack.card.model_id,
        "date": date,
        "accuracy": rows,
        "strangers": accepted,
    }
    keep("characters", result)


if __name__ == "__main__":
    main()
