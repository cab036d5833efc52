"""Where the line runs: the best similarities of all probes of a gallery, and its threshold."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from holotype.demo.showcase import Shown
from holotype.demo.trials import STRANGER
from holotype.pages import Bars, Cut, histograms

_BINS = 40


def histogram(shown: Shown) -> Markup:
    """Best similarities of all probes: enrolled above, strangers below, and the threshold."""
    best = np.array([verdict.decision.similarity for verdict in shown.verdicts], dtype=float)
    threshold = shown.verdicts[0].decision.threshold or 0.0
    stranger = shown.trial.truth == STRANGER
    edges = np.linspace(np.floor(min(float(best.min()), threshold) * 10) / 10, 1, _BINS + 1)
    rows = []
    for mask, kind, title in ((~stranger, "own", "enrolled"), (stranger, "other", "strangers")):
        over = int((best[mask] >= threshold).sum())
        said = f"{title}: {over} of {int(mask.sum())} reach the threshold"
        rows.append(Bars(said, np.histogram(best[mask], edges)[0].tolist(), kind))
    name = f"Histogram of the best similarities; threshold {threshold:.3f}"
    return histograms(name, edges.tolist(), rows, [Cut(threshold, f"threshold {threshold:.2f}")])
