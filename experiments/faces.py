"""Faces from one photo each: ORL, closed and open set, with own strangers as the only cohort.

    python experiments/faces.py

Nothing is chosen here, but the default threshold was fixed after ORL had been seen. A face that is
not found counts as missed; for the one photo of a person a picture is drawn in which a face was
found, as a desk that refuses a photo would have it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedded import seen_once
from holotype.datasets.catalogue import load_dataset
from holotype.domains.faces.recipe import DEFAULT_SIMILARITY
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.stats.bootstrap import share
from tabling import keep
from tallying import Tally, by_constant

RATES = (0.01, 0.05, 0.1, 0.2, 0.3)
ENROLLED, GIVEN = 20, 10
AFTERWARDS = 0.01

Floats = NDArray[np.float32]


def drawn(person: NDArray[np.int64], there: NDArray[np.bool_], who: Any, rng: Any) -> Any:
    """One picture of each, in which a face was found."""
    return np.array([rng.choice(np.flatnonzero((person == one) & there)) for one in who])


def closed(vectors: Floats, person: NDArray[np.int64], draws: int) -> dict[str, Any]:
    there = np.asarray(vectors.any(axis=1))
    people = np.unique(person)
    right, asked = np.zeros((2, len(people)))
    for trial in range(draws):
        photo = drawn(person, there, people, np.random.default_rng(trial))
        probes = np.setdiff1d(np.arange(len(person)), photo)
        best = people[(vectors[probes] @ vectors[photo].T).argmax(axis=1)]
        hit = (best == person[probes]) & there[probes]
        right += np.bincount(person[probes], weights=hit, minlength=len(people))
        asked += np.bincount(person[probes], minlength=len(people))
    return share(right, asked).to_json()


def open_set(
    vectors: Floats,
    doubtful: NDArray[np.bool_],
    person: NDArray[np.int64],
    model: CohortModel,
    draws: int,
) -> dict[str, Any]:
    """Stated and measured: 20 enrolled, 10 given as own strangers, the other 10 count."""
    there, people = np.asarray(vectors.any(axis=1)), np.unique(person)
    tallies = [Tally(rate, len(people)) for rate in (*RATES, None)]
    by_default, later = (Tally(None, len(people)) for _ in range(2))
    smallest, played, reached = [], [], []
    for trial in range(draws):
        rng = np.random.default_rng(trial)
        known, given, counted = np.split(rng.permutation(people), [ENROLLED, ENROLLED + GIVEN])
        photo = drawn(person, there, known, rng)
        rows = np.flatnonzero(np.isin(person, given) & there)
        site = Cohort(vectors[rows], person[rows])
        matcher = Matcher.of_support(model, vectors[photo][:, None], site=site)
        smallest.append(matcher.smallest_rate())
        others = np.flatnonzero(np.isin(person, counted))
        probes = np.concatenate(
            [others, np.setdiff1d(np.flatnonzero(np.isin(person, known)), photo)]
        )
        compared = matcher.compare(vectors[probes])
        for tally in tallies:
            tally.add(matcher, compared, known, person[probes], doubtful[probes])
        played.append((matcher.decide(compared, None), known, person[probes]))
        reached.append(compared.similarity[: len(others), 0])
    afterwards = float(np.quantile(np.concatenate(reached), 1 - AFTERWARDS))
    for found, known, who in played:
        by_default.count(by_constant(found, DEFAULT_SIMILARITY), known, who)
        later.count(by_constant(found, afterwards), known, who)
    stated = [(tally.rate or "none", tally) for tally in tallies]
    return {
        "smallest_rate": [float(np.quantile(smallest, q)) for q in (0.05, 0.5, 0.95)],
        "rows": [
            {
                "stated": name,
                "refused": len(tally.refused) / draws,
                "basis": dict(tally.bases),
                "fpir": tally.fpir(),
                "fnir": tally.fnir(),
            }
            for name, tally in (*stated, ("default", by_default))
        ],
        "afterwards": {
            "fpir": AFTERWARDS,
            "similarity": round(afterwards, 4),
            "fnir": later.fnir(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings")
    options = parser.parse_args()
    data, pack = load_dataset("orl"), load_pack("faces")
    vectors, doubtful = seen_once(data, pack, options.vectors)
    person = np.unique(data.class_index, return_inverse=True)[1].astype(np.int64)
    report = {
        "model_id": pack.card.model_id,
        "pictures": len(person),
        "people": len(np.unique(person)),
        "draws": options.draws,
        "not_found": int((~vectors.any(axis=1)).sum()),
        "cannot_tell": int(doubtful.sum()),
        "rank1": closed(vectors, person, options.draws),
        "open_set": open_set(vectors, doubtful, person, cohort_model(pack), options.draws),
    }
    keep("faces", report)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
