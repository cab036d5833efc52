"""One-shot intents: a memory network beside TF-IDF, and out-of-scope rejection. Opens the test.

    holotype train memory-network --data clinc150 --recipe intents --out RUN
    python bench/intents.py RUN

Nothing of what is tested was in training: 40 of CLINC150's intents, and all of BANKING77, another
source. Rejection is the Matcher's, as the Recognizer's is, at a stated rate, with 30
intents that neither trained nor were tested as the cohort. Writes results/intents.json; three
minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.learn import runs
from holotype.learn.checkpoints import WEIGHTS, read_tensors
from holotype.learn.memory.intent_recipes import N_QUERY, N_WAY, intent_network, intent_parts
from holotype.learn.memory.ngrams import BUCKETS, hashed, rarity
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.records import Episode
from holotype.scoring import unit
from holotype.tasks.datasets import Dataset
from holotype.tasks.episodes import episodes as gather
from holotype.tasks.episodes import sample
from holotype.tasks.evaluate import evaluate, prototype_scores
from holotype.tasks.galleries import draw_galleries
from holotype.tasks.intents import load_intents, load_out_of_scope
from tallying import Tally

RESULTS = Path(__file__).parent.parent / "results"
SOURCE, OTHER = "clinc150", "banking77"
EPISODES, GALLERIES, ENROLLED, STATED = 1000, 200, 20, 0.1
COHORT_EACH = 40  # utterances of each cohort intent

Embed = Callable[[NDArray[np.int64]], NDArray[np.float32]]  # buckets [M, L] -> unit [M, D]


def tfidf(weights: NDArray[np.float32], used: NDArray[np.int64]) -> Embed:
    """Unit TF-IDF vectors over the buckets `used`; no other bucket may occur."""
    column = np.zeros(BUCKETS, dtype=np.int64)
    column[used] = np.arange(len(used))

    def embed(buckets: NDArray[np.int64]) -> NDArray[np.float32]:
        vectors = np.zeros((len(buckets), len(used)), dtype=np.float32)
        row = np.arange(len(buckets))[:, None]
        vectors[row, column[buckets]] = weights[buckets]
        vectors[:, column[0]] = 0
        return unit(vectors)

    return embed


def learned(network: torch.nn.Module) -> Embed:
    def embed(buckets: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            parts = [network.unit(chunk) for chunk in torch.from_numpy(buckets).split(512)]
        return np.asarray(torch.cat(parts).numpy())

    return embed


def hopping(network: Any) -> Callable[[Episode], NDArray[np.float32]]:
    def scores(episode: Episode) -> NDArray[np.float32]:
        support, query = torch.from_numpy(episode.support), torch.from_numpy(episode.query)
        with torch.inference_mode():
            return np.asarray(network.compare(support[None], query[None])[0].numpy())

    return scores


def rejection(
    embed: Embed, cohort: Dataset, test: Dataset, outside: NDArray[np.int64]
) -> dict[str, Any]:
    """Galleries of 20 test intents with one utterance each, at the stated rate."""
    model = CohortModel.of(Cohort(embed(cohort.images[:]), cohort.class_index))
    vectors = np.concatenate([embed(test.images[:]), embed(outside)])
    classes = len(test.class_names)
    # Each utterance beyond all intents is a class of its own.
    of_class = np.concatenate([test.class_index, classes + np.arange(len(outside))])
    tally = Tally(STATED, classes + len(outside))
    drawn = draw_galleries(
        test.class_index, enrolled=ENROLLED, k_shot=1, galleries=GALLERIES, seed=0
    )
    for enrolled, support in zip(drawn.enrolled, drawn.support, strict=True):
        matcher = Matcher.of_support(model, vectors[support])
        asked = np.setdiff1d(np.arange(len(vectors)), support)
        tally.add(matcher, matcher.compare(vectors[asked]), enrolled, of_class[asked])
    return {
        "stated": STATED,
        "refused": len(tally.refused) / GALLERIES,
        "basis": dict(tally.bases),
        "out_of_scope_accepted": tally.fpir(slice(classes, None)),
        "other_intents_accepted": tally.fpir(slice(classes)),
        "enrolled_missed": tally.fnir(),
    }


def first_of_each(dataset: Dataset, count: int) -> Dataset:
    """The first utterances of each class, as many as asked for."""
    kept = np.concatenate(
        [np.flatnonzero(dataset.class_index == c)[:count] for c in range(len(dataset.class_names))]
    )
    texts = np.asarray(dataset.images)[kept]
    return Dataset(
        dataset.name, texts, dataset.class_index[kept], dataset.class_names, dataset.group,
        None, dataset.license, dataset.source,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run of the recipe `intents`")
    run = parser.parse_args().run
    facts = runs.read(run)
    if facts["config"] != {"method": "memory-network", "recipe": "intents", "data": SOURCE}:
        parser.error(f"{run} is no run of memory-network, recipe intents, on {SOURCE}")
    network = intent_network()
    network.load_state_dict(read_tensors(run / WEIGHTS))
    network.eval()

    parts = intent_parts(SOURCE)
    with_buckets = {
        name: dataset.with_images(hashed(dataset.images[:]))
        for name, dataset in (
            ("training", parts["training"]),
            ("cohort", first_of_each(parts["cohort"], COHORT_EACH)),
            (SOURCE, parts["test"]),
            (OTHER, load_intents(OTHER)),
        )
    }
    outside = hashed(load_out_of_scope())
    weights = rarity(with_buckets["training"].images[:])

    accuracy = []
    for source in (SOURCE, OTHER):
        test = with_buckets[source]
        index = sample(test, N_WAY, 1, N_QUERY, EPISODES, seed=0)
        of_memory = learned(network)(test.images[:])
        used = np.unique(np.append(test.images[:], 0))
        of_tfidf = tfidf(weights, used)(test.images[:])
        for model, vectors, scores in (
            ("TF-IDF, nearest neighbor", of_tfidf, prototype_scores),
            ("memory network, no hops", of_memory, prototype_scores),
            (f"memory network, {network.hops} hops", of_memory, hopping(network)),
        ):
            report = evaluate(
                scores, gather(vectors, index), protocol=f"{source} intents", n_query=N_QUERY
            )
            accuracy.append({"data": source, "model": model, **report.to_json()})
            print(f"{source}, {model}: {report.accuracy:.2f} +- {report.ci95:.2f} %", flush=True)

    test, cohort = with_buckets[SOURCE], with_buckets["cohort"]
    used = np.unique(
        np.concatenate([[0], *(a.ravel() for a in (test.images[:], cohort.images[:], outside))])
    )
    rejections = []
    for model, embed in (
        ("TF-IDF, nearest neighbor", tfidf(weights, used)),
        ("memory network", learned(network)),
    ):
        rejections.append({"model": model, **rejection(embed, cohort, test, outside)})
        print(rejections[-1], flush=True)

    result = {
        "command": "python bench/intents.py RUN",
        "trained": "holotype train memory-network --data clinc150 --recipe intents --out RUN",
        "steps": facts["settings"]["steps"],
        "seed": facts["settings"]["seed"],
        "intents": {name: len(part.class_names) for name, part in parts.items()},
        "out_of_scope": len(outside),
        "enrolled": ENROLLED,
        "galleries": GALLERIES,
        "accuracy": accuracy,
        "rejection": rejections,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "intents.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
