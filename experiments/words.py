"""A word that was said once: the pack `words` on speakers whom nothing was chosen on.

    python experiments/words.py         # some minutes on one core
    python experiments/words.py --card  # note the scores of the result in the card of the pack

Tested are three of the six speakers of the Free Spoken Digit Dataset. How a word is cut out and
brought to a level, and how the vectors of its parts become one, was chosen on the other three
(`domains.voices.words`). In the galleries a class is one digit by one speaker, 12 of 30 enrolled,
as in `experiments/domains.py`; every answer is the product's own. By anybody: all ten digits are
enrolled by one of the three and asked by the other two, and nobody is a stranger. Writes
results/words.json.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.speech import SPEAKERS
from holotype.datasets.voices import load_fsdd_recordings
from holotype.embedder import Embedder
from holotype.evaluation.open_set import open_set
from holotype.openset import Matcher
from holotype.pack import add_scores, load_pack
from holotype.recognizer.detection import detect
from holotype.recognizer.opening import cohort_model
from holotype.stats.bootstrap import share
from tabling import keep, result, today

SHOTS, RATES, ENROLLED, GALLERIES = (1, 5), (0.3, 0.1, 0.05), 12, 200
DIGITS, TESTED = 10, SPEAKERS[3:]

Floats = NDArray[np.float32]
Index = NDArray[np.int64]


def by_anybody(vectors: Floats, classes: Index) -> dict[str, object]:
    """Ten digits once by one speaker, asked by the others: the share that is named rightly."""
    speaker, digit = np.divmod(classes, DIGITS)
    rng, right = np.random.default_rng(0), np.zeros(len(vectors))
    asked = np.zeros(len(vectors))
    for draw in range(GALLERIES):
        one = draw % len(TESTED)
        enrolled = [
            rng.choice(np.flatnonzero((speaker == one) & (digit == which)))
            for which in range(DIGITS)
        ]
        others = np.flatnonzero(speaker != one)
        found = (vectors[others] @ vectors[enrolled].T).argmax(axis=1)
        right[others] += found == digit[others]
        asked[others] += 1
    return share(np.bincount(classes, right), np.bincount(classes, asked)).to_json()


def note(report: dict[str, Any]) -> None:
    """Note in the card what was measured."""
    told = {"data": "free spoken digits (3 of 6 speakers)", "date": report["date"]}
    right = report["by_anybody"]
    score = {
        "protocol": "one speaker enrolls, the others ask",
        "n_way": DIGITS,
        "k_shot": 1,
        "episodes": report["galleries"],
        "accuracy": round(100 * right["value"], 4),
        "ci95": round(50 * (right["ci95"][1] - right["ci95"][0]), 4),
    }
    promise = [
        {"enrolled": report["enrolled"], "examples": row["shots"], **row, **told}
        for row in report["rows"]
    ]
    add_scores(load_pack("words").path, [{**score, **told}], promise)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--card", action="store_true", help="note the scores in the pack's card")
    if parser.parse_args().card:
        note(result("words"))
        return
    data = load_fsdd_recordings()
    rows = np.flatnonzero([data.class_names[one] in TESTED for one in data.class_index])
    pack = load_pack("words")
    found = [one for (one,) in detect(Embedder(pack), [data.recordings[row] for row in rows])]
    doubtful = np.array([one.vector is None or bool(one.reasons) for one in found])
    nothing = np.zeros(pack.card.embedding_dim, np.float32)
    vectors = np.stack([nothing if one.vector is None else one.vector for one in found])
    speaker = np.array([TESTED.index(data.class_names[one]) for one in data.class_index[rows]])
    classes = DIGITS * speaker + np.arange(len(rows)) % DIGITS  # take by take, digit by digit
    report = []
    for shots in SHOTS:
        played = open_set(
            vectors,
            classes,
            partial(Matcher.of_support, cohort_model(pack)),
            doubtful=doubtful,
            enrolled=ENROLLED,
            k_shot=shots,
            reserved=max(SHOTS),
            galleries=GALLERIES,
            rates=RATES,
        )
        for row in played.identification:
            first = played.rank_one.to_json()
            report.append({"shots": shots, "rank_one": first, **row.to_json()})
            print(shots, row.rate, row.fpir, row.fnir, played.rank_one, flush=True)
    told = {
        "command": "python experiments/words.py",
        "date": today(),
        "galleries": GALLERIES,
        "enrolled": ENROLLED,
        "classes": len(TESTED) * DIGITS,
        "doubtful": int(doubtful.sum()),
        "rows": report,
        "by_anybody": by_anybody(vectors, classes),
    }
    keep("words", told)


if __name__ == "__main__":
    main()
