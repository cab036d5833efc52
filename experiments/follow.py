"""What it costs to follow one change of a gallery, with thresholds from the enrolled and without.

    python experiments/follow.py

Galleries of 1,000 and of 10,000 identities with five examples each, of random directions in kinds,
with the cohort of the pack `characters`. Two hundred times somebody is enrolled, leaves, or gets
another example; each time the scores of the cohort are followed, as they were before the enrolled
set thresholds, and those of the enrolled. At last the identity leaves that is nearest to
most of the others, the largest hub. Times are of this process's CPU, so that others on the machine
count little; beside them stands what computing everything anew takes, in the same run. Writes
results/follow.json; some minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

from holotype.openset import Cohort
from holotype.openset.enrolled import EnrolledScores
from holotype.openset.impostors import difference
from holotype.openset.site import Impostors
from holotype.pack import load_pack
from holotype.stats.scoring import Floats, unit
from tabling import keep

SIZES, SHOTS, CHANGES, KINDS, SEED = (1_000, 10_000), 5, 200, 50, 23
BAR_MS = {1_000: 5.0, 10_000: 50.0}


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and how many milliseconds of CPU it took."""
    began = process_time()
    result = call()
    return result, 1000 * (process_time() - began)


def measure(size: int, cohort: Cohort) -> dict[str, Any]:
    """The costs in one gallery."""
    rng = np.random.default_rng([SEED, size])
    dim = cohort.embeddings.shape[1]
    centers = rng.normal(size=(KINDS, dim))

    def people(count: int) -> tuple[Floats, Floats]:
        """New ones: their prototypes, and one example of each."""
        middle = centers[rng.integers(KINDS, size=count)] + rng.normal(size=(count, dim))
        examples = unit(middle[:, None] + 0.5 * rng.normal(size=(count, SHOTS, dim)))
        return unit(examples.mean(axis=1)), examples[:, 0]

    prototypes, exemplars = people(size)
    keys = list(range(size))
    enrolled, anew_ms = timed(lambda: EnrolledScores.of(keys, prototypes, exemplars))
    nobody = Cohort.none(dim)
    impostors = Impostors.of(cohort, nobody, keys, prototypes, SHOTS)
    cohort_ms, enrolled_ms = [], []

    def follow(keys: list[int], prototypes: Floats, exemplars: Floats) -> None:
        nonlocal enrolled, impostors
        changes = difference(enrolled.keys, enrolled.prototypes, keys, prototypes)
        impostors, before = timed(lambda: impostors.follow(keys, prototypes, SHOTS, changes))
        enrolled, above = timed(lambda: enrolled.follow(keys, prototypes, exemplars, changes))
        cohort_ms.append(before)
        enrolled_ms.append(above)

    def without(row: int) -> None:
        nonlocal keys, prototypes, exemplars
        keys = [*keys[:row], *keys[row + 1 :]]
        prototypes, exemplars = (np.delete(what, row, axis=0) for what in (prototypes, exemplars))
        follow(keys, prototypes, exemplars)

    for number in range(CHANGES):
        row, change = int(rng.integers(len(keys))), number % 3
        new, example = people(1)
        if change == 0:
            keys = [*keys, size + number]
            prototypes, exemplars = (
                np.concatenate(both) for both in ((prototypes, new), (exemplars, example))
            )
            follow(keys, prototypes, exemplars)
        elif change == 1:
            without(row)
        else:
            prototypes = prototypes.copy()
            prototypes[row] = unit(prototypes[row] + 0.2 * new[0])
            follow(keys, prototypes, exemplars)
    hub = int(np.bincount(enrolled._owner, minlength=len(keys)).argmax())
    without(hub)
    return {
        "enrolled": size,
        "examples": SHOTS,
        "changes": CHANGES,
        "cohort_ms": round(float(np.median(cohort_ms[:-1])), 2),
        "enrolled_ms": round(float(np.median(enrolled_ms[:-1])), 2),
        "bar_ms": BAR_MS[size],
        "largest_hub_ms": round(enrolled_ms[-1], 2),
        "anew_ms": round(anew_ms, 1),
        "of_anew": round(float(np.median(enrolled_ms[:-1])) / anew_ms, 4),
    }


def main() -> None:
    cohort = Cohort(*load_pack("characters").cohort())
    rows = []
    for size in SIZES:
        rows.append(measure(size, cohort))
        print(rows[-1], flush=True)
    keep("follow", {"seed": SEED, "kinds": KINDS, "rows": rows})


if __name__ == "__main__":
    main()
