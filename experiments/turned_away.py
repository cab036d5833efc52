"""Wrong matches that are reviewed: do they come in again, and what does it cost the others?

    python experiments/turned_away.py

Characters of Omniglot's evaluation alphabets, which neither trained nor chose anything. Some are
enrolled from one drawing each; others come as strangers. Every stranger who is accepted is
reviewed as a wrong match. Then the same strangers come with another drawing, new strangers come,
and the enrolled. Compared are: before; with the reviewed turned away, as `feedback` does it; with
those turned away as well who were rightly unknown; and what would come of it if the reviewed set
thresholds as own strangers do, the wrong matches, or the others.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.openset import Cohort, Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from tabling import keep

RATES = (0.1, 0.01)
ENROLLED, STRANGERS, OTHERS = 100, 300, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galleries", type=int, default=20)
    arguments = parser.parse_args()
    data = split(load_dataset("omniglot"), "evaluation")
    pack = load_pack("characters")
    model, embedder = cohort_model(pack), Embedder(pack)
    pictures, class_index = data.images, np.asarray(data.class_index)
    classes = int(class_index.max()) + 1
    first = np.searchsorted(class_index, np.arange(classes))
    rows = (first[:, None] + np.arange(4)).ravel()  # four drawings of each are enough
    vectors = embedder.embed(list(pictures[rows])).reshape(classes, 4, -1)
    counts: dict[tuple[float, str], np.ndarray] = {}
    for trial in range(arguments.galleries):
        order = np.random.default_rng(trial).permutation(classes)
        known, shown, new = np.split(order, [ENROLLED, ENROLLED + STRANGERS])
        new = new[:OTHERS]
        before = Matcher.of(model, vectors[known, 0])
        for rate in RATES:
            visit = before.match(vectors[shown, 0], rate)
            away, unknown = (vectors[shown, 0][kind] for kind in (visit.accepted, ~visit.accepted))
            for name, matcher in (
                ("before", before),
                ("wrong matches turned away", before.turning_away(away)),
                ("unknowns as well", before.turning_away(vectors[shown, 0])),
                ("wrong matches as own strangers", _site(before, away)),
                ("unknowns as own strangers", _site(before, unknown)),
            ):
                again = matcher.match(vectors[shown, 1][visit.accepted], rate)
                others = matcher.match(vectors[new, 0], rate)
                own = matcher.match(vectors[known, 1], rate)
                right = own.accepted & (own.best == np.arange(ENROLLED))
                found = np.array(
                    [
                        *(again.accepted.sum(), len(again)),
                        *(others.accepted.sum(), len(others)),
                        *((~right).sum(), len(right)),
                    ]
                )
                counts[rate, name] = counts.get((rate, name), np.zeros(6, int)) + found
    table = [
        {
            "stated": rate,
            "how": name,
            "returning_strangers_accepted": round(int(a) / max(int(b), 1), 4),
            "returning_strangers": int(b),
            "new_strangers_accepted": round(int(c) / int(d), 4),
            "enrolled_missed": round(int(e) / int(f), 4),
        }
        for (rate, name), (a, b, c, d, e, f) in counts.items()
    ]
    for row in table:
        print(json.dumps(row))
    told = {"galleries": arguments.galleries, "enrolled": ENROLLED, "rows": table}
    keep("turned_away", told)


def _site(matcher: Matcher, strangers: np.ndarray) -> Matcher:
    return matcher.with_site(Cohort(strangers, np.arange(len(strangers))))


if __name__ == "__main__":
    main()
