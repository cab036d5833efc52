"""A small data set with drawings, and proofs of it for the tests of the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.report import Proof, embed_all, prove
from holotype.stats.scoring import unit
from stub_matchers import Decide, Ground, Probability, deciding

NASTY = ("<b>bold</b>", "lone \udcff byte", 'quote"d', "a & b", "\u202eright to left", "x" * 120)


def drawings(classes: int = 12, examples: int = 7, noise: float = 90) -> Dataset:
    """Classes of noise patterns with noisy examples, uint8 [M, 12, 12]."""
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 255, (classes, 1, 12, 12))
    pictures = centers + rng.normal(0, noise, (classes, examples, 12, 12))
    names = [*NASTY, *(f"class {i}" for i in range(classes))][:classes]
    return Dataset(
        name="toys & <more>",
        images=np.clip(pictures, 0, 255).astype(np.uint8).reshape(-1, 12, 12),
        class_index=np.repeat(np.arange(classes), examples),
        class_names=tuple(names),
        group=("",) * classes,
        drawer=None,
        license="",
        source="",
    )


def embed(pictures: Any) -> np.ndarray:
    """The pixels themselves, centered."""
    flat = np.stack(
        [
            np.asarray(Image.open(p).convert("L") if isinstance(p, Path) else p, np.float32).ravel()
            for p in pictures
        ]
    )
    return unit(flat - flat.mean(axis=1, keepdims=True))


def at(**thresholds: float) -> Callable[[np.ndarray, float], float]:
    """A threshold for each stated rate: at(p10=0.2, p1=0.5)."""
    table = {float(name[1:].replace("_", ".")) / 100: cut for name, cut in thresholds.items()}
    return lambda _prototypes, rate: table[rate]


def proof(
    decide: Decide,
    dataset: Dataset | None = None,
    probability: Probability | None = None,
    default: float | None = None,
    ground: Ground = ("estimated", "cohort"),
    **options: Any,
) -> Proof:
    """A proof of a few galleries."""
    dataset = drawings() if dataset is None else dataset
    options = {"galleries": 12, "rates": (0.1, 0.01), **options}
    return prove(
        dataset,
        embed_all(dataset, embed),
        deciding(decide, probability, otherwise=default, ground=ground),
        model="toy",
        model_id="feed",
        **options,
    )


def folder(path: Path, classes: int = 5, examples: int = 4) -> Dataset:
    """Photos in class folders: color noise, one class with a single picture."""
    rng = np.random.default_rng(1)
    for i in range(classes):
        (path / f"person {i}").mkdir(parents=True)
        tint = rng.uniform(0, 255, (40, 30, 3))
        for j in range(1 if i == 0 else examples):
            pixels = np.clip(tint + rng.normal(0, 60, tint.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path / f"person {i}" / f"{j}.png")
    return load_dataset(path)
