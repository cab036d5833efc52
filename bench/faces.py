"""Faces from one photo each: ORL, closed and open set, with own strangers as the only cohort.

    python bench/faces.py

Nothing is chosen here, but the default threshold was fixed after ORL had been seen. A face that is
not found counts as missed; for the one photo of a person a picture is drawn in which a face was
found, as a desk that refuses a photo would have it.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype import pixels
from holotype.embedder import Embedder
from holotype.errors import RateError
from holotype.faces.recipe import DEFAULT_SIMILARITY
from holotype.faces.sighting import sightings
from holotype.openset import Cohort, Impostors
from holotype.pack import load_pack
from holotype.tasks.bootstrap import share
from holotype.tasks.datasets import load_dataset

RATES = (0.01, 0.05, 0.1, 0.2, 0.3)
ENROLLED, GIVEN = 20, 10
AFTERWARDS = 0.01

Floats = NDArray[np.float32]


def seen(images: Any) -> tuple[Floats, NDArray[np.bool_], dict[str, int]]:
    """Vectors [M, D] (0 where no face was found), whether one was found, and how many doubts."""
    pack = load_pack("faces")
    embedder = Embedder(pack)
    vectors = np.zeros((len(images), pack.card.embedding_dim), dtype=np.float32)
    doubts: dict[str, int] = {}
    for i in range(len(images)):
        picture = np.asarray(images[i])
        picture = picture if picture.ndim == 3 else picture[:, :, None]
        (sighting,) = sightings(picture)
        for doubt in sighting.doubts:
            doubts[doubt.code] = doubts.get(doubt.code, 0) + 1
        if sighting.face is not None:
            prepared = pixels.photo(sighting.face.chip, embedder.preprocessing)
            vectors[i] = embedder.embed_prepared(prepared[None])[0]
    return vectors, vectors.any(axis=1), doubts


def drawn(person: NDArray[np.int64], there: NDArray[np.bool_], who: Any, rng: Any) -> Any:
    """One picture of each, in which a face was found."""
    return np.array([rng.choice(np.flatnonzero((person == one) & there)) for one in who])


def closed(vectors: Floats, person: NDArray[np.int64], draws: int) -> dict[str, Any]:
    there = vectors.any(axis=1)
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


def open_set(vectors: Floats, person: NDArray[np.int64], draws: int) -> dict[str, Any]:
    """Stated and measured: 20 enrolled, 10 strangers set the threshold, the other 10 count."""
    there, people = vectors.any(axis=1), np.unique(person)
    nobody = Cohort(np.empty((0, vectors.shape[1]), np.float32), np.empty(0, np.int64))
    kinds = [*RATES, "default"]
    tallies = {kind: np.zeros((4, len(people))) for kind in kinds}
    refused = dict.fromkeys(RATES, 0)
    smallest, strange, enrolled = [], [], []
    for trial in range(draws):
        rng = np.random.default_rng(trial)
        order = rng.permutation(people)
        known, given, counted = np.split(order, [ENROLLED, ENROLLED + GIVEN])
        photo = drawn(person, there, known, rng)
        rows = np.flatnonzero(np.isin(person, given) & there)
        strangers = Cohort(vectors[rows], person[rows])
        draws_of = Impostors.of(nobody, strangers, range(ENROLLED), vectors[photo])
        smallest.append(draws_of.smallest_rate())
        probes = np.setdiff1d(np.flatnonzero(np.isin(person, known)), photo)
        others = np.flatnonzero(np.isin(person, counted))
        similarity = vectors[probes] @ vectors[photo].T
        right = (known[similarity.argmax(axis=1)] == person[probes]) & there[probes]
        best = similarity.max(axis=1)
        best_other = np.where(there[others], (vectors[others] @ vectors[photo].T).max(axis=1), -1)
        strange.append(best_other)
        enrolled.append(np.where(right, best, -1))
        for kind in kinds:
            level = DEFAULT_SIMILARITY
            if kind != "default":
                try:
                    level = draws_of.threshold(kind, "fpir")
                except RateError:
                    refused[kind] += 1
                    continue
            tally = tallies[kind]
            for row, who, hits in (
                (0, person[others], best_other >= level),
                (2, person[probes], ~(right & (best >= level))),
            ):
                tally[row] += np.bincount(who, weights=hits, minlength=len(people))
                tally[row + 1] += np.bincount(who, minlength=len(people))
    level = np.quantile(np.concatenate(strange), 1 - AFTERWARDS)
    return {
        "smallest_rate": [float(np.quantile(smallest, q)) for q in (0.05, 0.5, 0.95)],
        "rows": [
            {
                "stated": kind,
                "refused": refused.get(kind, 0) / draws,
                "fpir": share(*tally[:2]).to_json() if tally[1].any() else None,
                "fnir": share(*tally[2:]).to_json() if tally[3].any() else None,
            }
            for kind, tally in tallies.items()
        ],
        "afterwards": {
            "fpir": AFTERWARDS,
            "similarity": round(float(level), 4),
            "fnir": round(float((np.concatenate(enrolled) < level).mean()), 4),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings")
    parser.add_argument("--out", type=Path, default=Path("results/faces.json"))
    options = parser.parse_args()
    data = load_dataset("orl")
    if options.vectors and options.vectors.exists():
        kept = np.load(options.vectors, allow_pickle=False)
        vectors, doubts = kept["vectors"], json.loads(str(kept["doubts"]))
    else:
        vectors, _, doubts = seen(data.images)
        if options.vectors:
            np.savez(options.vectors, vectors=vectors, doubts=json.dumps(doubts))
    person = np.unique(data.class_index, return_inverse=True)[1].astype(np.int64)
    report = {
        "model_id": load_pack("faces").card.model_id,
        "pictures": len(person),
        "people": len(np.unique(person)),
        "draws": options.draws,
        "not_found": int((~vectors.any(axis=1)).sum()),
        "doubts": doubts,
        "rank1": closed(vectors, person, options.draws),
        "open_set": open_set(vectors, person, options.draws),
    }
    options.out.write_text(json.dumps(report, indent=1) + os.linesep)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
