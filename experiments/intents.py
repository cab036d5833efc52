"""One-shot intents: TF-IDF, a memory network, MiniLM; rejection. Opens the test.

    make extra-train extra-text
    holotype train memory-network --data clinc150 --recipe intents --out RUN
    python experiments/intents.py RUN

Nothing of what is tested trained the memory network: 40 of CLINC150's intents, and all of
BANKING77, another source. MiniLM, the pack `texts`, learned from the web; whether it saw these
utterances there nobody can say. Rejection is the Matcher's, as the Recognizer's is, at a stated
rate, with 30 intents that neither trained nor were tested as the cohort; the pack `texts` has none,
and is measured both ways. Writes results/intents.json; ten minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset
from holotype.datasets.intents import load_intents, load_out_of_scope
from holotype.embedder import Embedder
from holotype.evaluation.accuracy import evaluate, prototype_scores
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.episodes import sample
from holotype.evaluation.galleries import draw_galleries
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import load_pack
from holotype.records import Episode
from holotype.stats.scoring import unit
from holotype.train import runs
from holotype.train.checkpoints import WEIGHTS, read_tensors
from holotype.train.methods.memory.intent_recipes import (
    N_QUERY,
    N_WAY,
    intent_network,
    intent_parts,
)
from holotype.train.methods.memory.ngrams import BUCKETS, hashed, rarity
from tabling import keep
from tallying import Tally

SOURCE, OTHER = "clinc150", "banking77"
EPISODES, GALLERIES, ENROLLED, STATED = 1000, 200, 20, 0.1
COHORT_EACH = 40  # utterances of each cohort intent
TFIDF, MEMORY, MINILM = "TF-IDF", "memory network", "MiniLM, the pack `texts`"
NOBODY, ASSISTANT, RATES = "none", "30 intents of CLINC150", (0.1, 0.05)
FEWER = 50  # galleries, to see what a cohort changes

Texts = NDArray[Any]  # str, object [M]
Embed = Callable[[Texts], NDArray[np.float32]]  # -> unit [M, D]


def tfidf(weights: NDArray[np.float32], *texts: Texts) -> Embed:
    """Unit TF-IDF vectors over what occurs in the texts; nothing else may be embedded."""
    used = np.unique(np.concatenate([[0], *(hashed(some).ravel() for some in texts)]))
    column = np.zeros(BUCKETS, dtype=np.int64)
    column[used] = np.arange(len(used))

    def embed(texts: Texts) -> NDArray[np.float32]:
        buckets = hashed(texts)
        vectors = np.zeros((len(buckets), len(used)), dtype=np.float32)
        row = np.arange(len(buckets))[:, None]
        vectors[row, column[buckets]] = weights[buckets]
        vectors[:, column[0]] = 0
        return unit(vectors)

    return embed


def learned(network: torch.nn.Module) -> Embed:
    def embed(texts: Texts) -> NDArray[np.float32]:
        with torch.inference_mode():
            parts = [network.unit(chunk) for chunk in torch.from_numpy(hashed(texts)).split(512)]
        return np.asarray(torch.cat(parts).numpy())

    return embed


def pretrained() -> Embed:
    """MiniLM, as it serves."""
    embedder = Embedder(load_pack("texts"))
    return lambda texts: embedder.embed(list(texts))


def hopping(network: Any) -> Callable[[Episode], NDArray[np.float32]]:
    def scores(episode: Episode) -> NDArray[np.float32]:
        support, query = torch.from_numpy(episode.support), torch.from_numpy(episode.query)
        with torch.inference_mode():
            return np.asarray(network.compare(support[None], query[None])[0].numpy())

    return scores


def rejection(
    known: Cohort,
    test: Dataset,
    vectors: NDArray[np.float32],
    stated: float,
    galleries: int = GALLERIES,
) -> dict[str, Any]:
    """Galleries of 20 test intents with one utterance each, at the stated rate.

    Args:
        known: who plays the strangers beside the enrolled.
        test: the intents.
        vectors: of their utterances, and then of those that are none of them.
        stated: the rate.
        galleries: how many.
    """
    model = CohortModel.of(known)
    classes, outside = len(test.class_names), len(vectors) - len(test)
    # Each utterance beyond all intents is a class of its own.
    of_class = np.concatenate([test.class_index, classes + np.arange(outside)])
    tally = Tally(stated, classes + outside)
    drawn = draw_galleries(
        test.class_index, enrolled=ENROLLED, k_shot=1, galleries=galleries, seed=0
    )
    for enrolled, support in zip(drawn.enrolled, drawn.support, strict=True):
        matcher = Matcher.of_support(model, vectors[support])
        asked = np.setdiff1d(np.arange(len(vectors)), support)
        tally.add(matcher, matcher.compare(vectors[asked]), enrolled, of_class[asked])
    return {
        "stated": stated,
        "refused": len(tally.refused) / galleries,
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
    cohort = first_of_each(parts["cohort"], COHORT_EACH)
    tests = {SOURCE: parts["test"], OTHER: load_intents(OTHER)}
    outside = {SOURCE: load_out_of_scope(), OTHER: np.empty(0, dtype=object)}
    weights = rarity(hashed(parts["training"].images[:]))
    memory, minilm = learned(network), pretrained()

    accuracy, rejections, cohorts = [], [], []
    for source, test in tests.items():
        index = sample(test, N_WAY, 1, N_QUERY, EPISODES, seed=0)
        texts = np.concatenate([test.images[:], outside[source]])
        counted = tfidf(weights, texts, cohort.images[:])
        for model, embed in ((TFIDF, counted), (MEMORY, memory), (MINILM, minilm)):
            vectors = embed(texts)
            ways: dict[str, Callable[[Episode], NDArray[np.float32]]] = {model: prototype_scores}
            if model == MEMORY:
                hops = f"{model}, {network.hops} hops"
                ways = {f"{model}, no hops": prototype_scores, hops: hopping(network)}
            for named, scores in ways.items():
                report = evaluate(
                    scores, gather(vectors, index), protocol=f"{source} intents", n_query=N_QUERY
                )
                accuracy.append({"data": source, "model": named, **report.to_json()})
                print(f"{source}, {named}: {report.accuracy:.2f} +- {report.ci95:.2f}", flush=True)
            strangers = Cohort(embed(cohort.images[:]), cohort.class_index)
            if source == SOURCE:
                rejections.append({"model": model, **rejection(strangers, test, vectors, STATED)})
                print(rejections[-1], flush=True)
        # The last is MiniLM, whose pack has no cohort: what would one change?
        for who, known in ((NOBODY, Cohort.none(vectors.shape[1])), (ASSISTANT, strangers)):
            for stated in RATES:
                row = rejection(known, test, vectors, stated, FEWER)
                cohorts.append({"data": source, "cohort": who, **row})
                print(cohorts[-1], flush=True)

    result = {
        "command": "python experiments/intents.py RUN",
        "trained": "holotype train memory-network --data clinc150 --recipe intents --out RUN",
        "steps": facts["settings"]["steps"],
        "seed": facts["settings"]["seed"],
        "intents": {name: len(part.class_names) for name, part in parts.items()},
        "out_of_scope": len(outside[SOURCE]),
        "enrolled": ENROLLED,
        "galleries": GALLERIES,
        "accuracy": accuracy,
        "rejection": rejections,
        "cohorts": cohorts,
    }
    keep("intents", result)


if __name__ == "__main__":
    main()
