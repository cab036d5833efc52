"""What the shipped pack reaches, through the embedder that serves. Opens the test sets.

    HOLOTYPE_DATA=... python bench/characters.py [--model characters] [--record]

Writes results/characters.json; with --record the scores are also appended to the pack's card,
so that the card shows how often the test sets were opened. About three minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype import openset
from holotype.embedder import Embedder
from holotype.errors import RateError
from holotype.images import prepare_batch
from holotype.pack import add_scores, load_pack
from holotype.tasks.datasets import load_dataset
from holotype.tasks.episodes import episodes as gather
from holotype.tasks.evaluate import evaluate, prototype_scores
from holotype.tasks.protocols import Plan, plan
from holotype.tasks.splits import split

RESULTS = Path(__file__).parent.parent / "results"
TASKS = {
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
GALLERIES, ENROLLED, STRANGERS, EXAMPLES = 200, 20, 20, 20
RESAMPLES = 2000


def embedded(embedder: Embedder, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    chunks = [
        embedder.embed_prepared(prepare_batch(images[start : start + 256], embedder.preprocessing))
        for start in range(0, len(images), 256)
    ]
    return np.concatenate(chunks)


def accuracy(key: str, planned: Plan, vectors: NDArray[np.float32]) -> dict[str, object]:
    report = evaluate(
        prototype_scores,
        gather(vectors, planned.index),
        protocol=planned.protocol,
        n_query=planned.n_query,
    )
    return {"key": key, "title": TASKS[key][0], "data": planned.data, **report.to_json()}


def strangers(
    vectors: NDArray[np.float32], cohort: openset.Cohort, rates: tuple[float, ...]
) -> list[dict[str, object]]:
    """20 enrolled from one drawing each, 20 strangers, both at random: vectors [659, 20, D]."""
    rng = np.random.default_rng(0)
    classes = len(vectors)
    # Per rate and character: accepted and asked as a stranger, missed and asked as enrolled.
    counts = np.zeros((len(rates), 4, classes))
    refused = [False] * len(rates)
    for _ in range(GALLERIES):
        drawn = rng.permutation(classes)[: ENROLLED + STRANGERS]
        enrolled, unknown = drawn[:ENROLLED], drawn[ENROLLED:]
        reference = rng.integers(EXAMPLES)
        prototypes = vectors[enrolled, reference]
        draws = openset.ImpostorScores.of(cohort, range(ENROLLED), prototypes)
        genuine = np.delete(vectors[enrolled], reference, axis=1) @ prototypes.T
        best, nearest = genuine.max(-1), genuine.argmax(-1)
        right = nearest == np.arange(ENROLLED)[:, None]
        reached = (vectors[unknown] @ prototypes.T).max(-1)
        for at, rate in enumerate(rates):
            try:
                threshold = draws.threshold(rate, "fpir")
            except RateError:
                refused[at] = True
                continue
            counts[at, 0, unknown] += (reached >= threshold).sum(-1)
            counts[at, 1, unknown] += EXAMPLES
            counts[at, 2, enrolled] += (~right | (best < threshold)).sum(-1)
            counts[at, 3, enrolled] += EXAMPLES - 1
    rows: list[dict[str, object]] = []
    for rate, (accepted, asked, missed, known), no in zip(rates, counts, refused, strict=True):
        if no:
            rows.append({"stated": rate, "fpir": None, "low": None, "high": None, "fnir": None})
            continue
        # Drawings of one character stand or fall together: characters are resampled.
        chosen = rng.integers(classes, size=(RESAMPLES, classes))
        shares = accepted[chosen].sum(1) / asked[chosen].sum(1)
        low, high = np.quantile(shares, (0.025, 0.975))
        rows.append(
            {
                "stated": rate,
                "fpir": round(float(accepted.sum() / asked.sum()), 5),
                "low": round(float(low), 5),
                "high": round(float(high), 5),
                "fnir": round(float(missed.sum() / known.sum()), 4),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="characters", help="name or folder of a pack")
    parser.add_argument("--record", action="store_true", help="append the scores to the card")
    arguments = parser.parse_args()
    pack = load_pack(arguments.model)
    embedder = Embedder(pack)
    evaluation = split(load_dataset("omniglot"), "evaluation")
    of_evaluation = embedded(embedder, evaluation.images[:])
    rows = []
    for key, (_, task) in TASKS.items():
        planned = plan(**task, seed=0)
        vectors = of_evaluation if key == "evaluation" else embedded(embedder, planned.images[:])
        rows.append(accuracy(key, planned, vectors))
        print(f"{rows[-1]['title']}: {rows[-1]['accuracy']} +- {rows[-1]['ci95']} %", flush=True)
    in_order = np.argsort(evaluation.class_index, kind="stable")
    by_class = of_evaluation[in_order].reshape(-1, EXAMPLES, of_evaluation.shape[1])
    accepted = strangers(by_class, openset.Cohort(*pack.cohort()), (0.1, 0.01))
    for row in accepted:
        print(f"strangers accepted, stated {row['stated']:g}: {row}", flush=True)
    date = datetime.now(UTC).date().isoformat()
    if arguments.record:
        add_scores(pack.path, [{**row, "date": date} for row in rows])
    result = {
        "command": "python bench/characters.py",
        "model_id": pack.card.model_id,
        "date": date,
        "accuracy": rows,
        "strangers": accepted,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "characters.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
