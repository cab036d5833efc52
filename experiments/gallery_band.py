"""How far one gallery scatters around the rate that ranks among the enrolled guarantee.

    python experiments/gallery_band.py

The guarantee is an expectation over galleries and strangers. Here galleries of N identities with
one example each are drawn, and of each the share of strangers that its thresholds accept is
measured on strangers drawn from the same world: random directions around centers, so that classes
come in kinds, as letters of one alphabet do. Nothing of this world is tuned; the mean holds in any.
Beside it stand the band that `holotype status` tells, and how many galleries keep the rate when it
is stated with a confidence of four in five.
Writes results/gallery_band.json; a minute on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.openset import Cohort, CohortModel, Matcher, scatter
from tabling import keep

SIZES, RATES, CONFIDENCE = (20, 40, 100, 300), (0.3, 0.1), 0.8
GALLERIES, STRANGERS, DIM, KINDS, SPREAD = 500, 500, 64, 50, 1.0
SEED = 17


def classes(
    rng: np.random.Generator, centers: NDArray[np.float64], count: int
) -> NDArray[np.float32]:
    """One example of each of so many new classes: float32 unit [count, D]."""
    kind = rng.integers(len(centers), size=count)
    drawn = centers[kind] + SPREAD * rng.normal(size=(count, centers.shape[1]))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn.astype(np.float32)


def measure(size: int) -> list[dict[str, Any]]:
    """The share of strangers let in, over galleries of one size, at each rate it supports."""
    rng = np.random.default_rng([SEED, size])
    centers = rng.normal(size=(KINDS, DIM))
    model = CohortModel.of(Cohort.none(DIM))
    rates = [rate for rate in RATES if rate >= 2 / (size + 1)]
    let_in, sure = np.empty((2, len(rates), GALLERIES))
    for gallery in range(GALLERIES):
        matcher = Matcher.of(model, classes(rng, centers, size))
        compared = matcher.compare(classes(rng, centers, STRANGERS))
        for row, rate in enumerate(rates):
            found = matcher.decide(compared, rate)
            assert found.basis == "guaranteed"
            let_in[row, gallery] = found.accepted.mean()
            found = matcher.decide(compared, rate, confidence=CONFIDENCE)
            sure[row, gallery] = found.accepted.mean()
    return [
        {
            "enrolled": size,
            "stated": rate,
            "mean": float(shares.mean()),
            "standard_error": float(shares.std(ddof=1) / np.sqrt(GALLERIES)),
            "tenth": float(np.quantile(shares, 0.1)),
            "ninetieth": float(np.quantile(shares, 0.9)),
            "told": scatter.band(rate, size + 1, 0.5),
            "keep": float((shares <= rate).mean()),
            "keep_with_confidence": float((fewer <= rate).mean()),
            "mean_with_confidence": float(fewer.mean()),
        }
        for rate, shares, fewer in zip(rates, let_in, sure, strict=True)
    ]


def main() -> None:
    settings = {
        "galleries": GALLERIES,
        "strangers": STRANGERS,
        "dim": DIM,
        "kinds": KINDS,
        "spread": SPREAD,
        "seed": SEED,
        "confidence": CONFIDENCE,
    }
    rows = [row for size in SIZES for row in measure(size)]
    keep("gallery_band", {"settings": settings, "rows": rows})
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
