"""How seldom drift is told where there is none, and how often where there is some: a simulation.

    python experiments/drift.py

Galleries of N identities with one example each come from random directions in kinds, as in
`gallery_band.py`. As many probes are asked as are enrolled, each of another class: of the enrolled,
or a stranger's. Either nothing has changed, or all probes are moved the same way, as by another
camera or light, or each is blurred by a noise of its own. Writes results/drift.json; some minutes
on one core.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.drift import LEVEL, drift
from holotype.stats.scoring import unit
from tabling import keep

SIZES, STRANGERS = (20, 50, 100), (0.0, 0.5, 0.9)
# By how much all probes are moved together, and each by itself: lengths, beside a class's own 1.
CHANGES = {"nothing": (0.0, 0.0), "all moved together": (2.0, 0.0), "each blurred": (0.0, 1.0)}
GALLERIES, DIM, KINDS, WITHIN, SEED = 200, 64, 30, 0.5, 19


def told(
    rng: np.random.Generator, size: int, strangers: float, together: float, each: float
) -> str | None:
    """What is told of one gallery after `size` probes."""
    centers = rng.normal(size=(KINDS, DIM))
    classes = centers[rng.integers(KINDS, size=2 * size)] + rng.normal(size=(2 * size, DIM))
    who = np.where(rng.random(size) < strangers, size + np.arange(size), np.arange(size))

    def pictures(of: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(of + WITHIN * rng.normal(size=of.shape))

    direction = rng.normal(size=DIM)
    moved = together * np.sqrt(DIM) * direction / np.linalg.norm(direction)
    probes = pictures(classes[who]) + moved + each * rng.normal(size=(size, DIM))
    matcher = Matcher.of(CohortModel.of(Cohort.none(DIM)), unit(pictures(classes[:size])))
    compared = matcher.compare(unit(probes))
    last: dict[Hashable, tuple[float, float]] = {
        int(at[0]): (float(similarity[0]), float(similarity[1]))
        for at, similarity in zip(compared.candidates, compared.similarity, strict=True)
    }
    return drift(matcher.evidence.enrolled, last).direction


def main() -> None:
    rows: list[dict[str, Any]] = []
    for change, (together, each) in CHANGES.items():
        for size in SIZES:
            for strangers in STRANGERS:
                rng = np.random.default_rng([SEED, size, round(100 * strangers)])
                found = [told(rng, size, strangers, together, each) for _ in range(GALLERIES)]
                rows.append(
                    {
                        "change": change,
                        "enrolled": size,
                        "strangers": strangers,
                        "more alike": found.count("more alike") / GALLERIES,
                        "less alike": found.count("less alike") / GALLERIES,
                    }
                )
                print(rows[-1], flush=True)
    settings = {
        "galleries": GALLERIES,
        "level": LEVEL,
        "dim": DIM,
        "kinds": KINDS,
        "within": WITHIN,
        "seed": SEED,
    }
    keep("drift", {"settings": settings, "rows": rows})


if __name__ == "__main__":
    main()
