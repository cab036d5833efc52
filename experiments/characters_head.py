"""What follows the network of the pack `characters`: which views, and how much of a whitening.

    HOLOTYPE_DATA=... python experiments/characters_head.py RUN

The cohort's characters, which train nothing, as they are (20-way) and in rasters of 8 x 8 pixels
with strokes of any width (10-way), one example each. The whitening is fitted to eight drawings of
each character that the run learned from. For choosing; it only prints. About ten minutes on two
cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.evaluation.accuracy import evaluate, prototype_scores
from holotype.evaluation.episodes import episodes, sample
from holotype.image import ink
from holotype.image.prepare import prepare_batch
from holotype.preprocessing import Preprocessing
from holotype.stats.half_width import half_width
from holotype.stats.scoring import unit
from holotype.stats.whitening import fit_whitening
from holotype.train.augmentation.characters import THICKER_PX, rasterize, thicken
from holotype.train.pipeline import run_scorer
from holotype.train.test_time_augmentation import NARROW, WIDE, ViewAverage

VIEWS = {"none": (), "narrow": NARROW, "wide": WIDE}
SHRINKAGES = (None, 10.0, 1.0, 0.1, 0.01)
WAYS = {"as they are": 20, "8 x 8": 10}
EPISODES, LEARNED_FROM, PAPER_PX = 4000, 8, 6

Floats = NDArray[np.float32]


def coarse(drawings: NDArray[np.uint8], preprocessing: Preprocessing) -> Floats:
    """Drawings by thicker pens in rasters of 8 x 8, prepared: float32 [B, 1, S, S]."""
    room = ((0, 0), (PAPER_PX, PAPER_PX), (PAPER_PX, PAPER_PX))
    padded = np.pad(drawings < 128, room)
    pens = [thicken(padded, radius) for radius in range(1, THICKER_PX[-1] + 2)]
    pen = np.random.default_rng(0).integers(len(pens), size=len(padded))
    scans = [rasterize(pens[pen[i]][i], side_px=8, margin=0.0) for i in range(len(padded))]
    size, margin = preprocessing.size_px, preprocessing.margin_px
    return np.stack([ink.fit(ink.strokes(1 - scan), size, margin) for scan in scans])[:, None]


def embedded(embedder: torch.nn.Module, pictures: Floats) -> Floats:
    with torch.inference_mode():
        return np.concatenate([embedder(x).numpy() for x in torch.from_numpy(pictures).split(256)])


def per_episode(vectors: Floats, cohort: Dataset, n_way: int) -> NDArray[np.float64]:
    index = sample(cohort, n_way, 1, 5, EPISODES, seed=0)
    drawn = episodes(vectors, index)
    return evaluate(prototype_scores, drawn, protocol="cohort", n_query=5).per_episode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    run = run_scorer(parser.parse_args().run)
    network = run.method.embedder()
    assert network is not None
    background, cohort = run.recipe.kept(load_dataset("omniglot"), run.facts["settings"]["seed"])
    index = background.class_index
    few = np.concatenate(
        [np.flatnonzero(index == c)[:LEARNED_FROM] for c in range(len(background.class_names))]
    )
    learned = prepare_batch(list(background.images[few]), run.preprocessing)
    drawings = cohort.images[:]
    shown = {
        "as they are": prepare_batch(list(drawings), run.preprocessing),
        "8 x 8": coarse(drawings, run.preprocessing),
    }
    first: dict[str, NDArray[np.float64]] = {}
    for name, views in VIEWS.items():
        embedder = ViewAverage(network, run.preprocessing.size_px, views) if views else network
        embedder.eval()
        of_background = embedded(embedder, learned)
        of_cohort = {kind: embedded(embedder, pictures) for kind, pictures in shown.items()}
        for shrinkage in SHRINKAGES:
            cells = []
            for kind, vectors in of_cohort.items():
                if shrinkage is not None:
                    mean, matrix = fit_whitening(of_background, index[few], shrinkage=shrinkage)
                    vectors = unit(((vectors - mean) @ matrix).astype(np.float32))
                found = per_episode(vectors, cohort, WAYS[kind])
                gain = found - first.setdefault(kind, found)
                spread = half_width(gain)
                cells.append(f"{kind} {found.mean():.2f} % ({gain.mean():+.2f} +- {spread:.2f})")
            print(f"views {name}, shrinkage {shrinkage}:", ", ".join(cells), flush=True)


if __name__ == "__main__":
    main()
