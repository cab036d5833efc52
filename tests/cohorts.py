"""Cohorts and galleries that are drawn, not measured."""

from __future__ import annotations

import numpy as np

from holotype.openset import Cohort, ImpostorScores
from holotype.stats.scoring import Floats, unit


def cohort_of(classes: int, each: int, seed: int, spread: float = 0.0, dim: int = 32) -> Cohort:
    """Classes around random centers; spread 0 makes the items of a class independent."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(classes, 1, dim)) * spread
    vectors = unit(centers + rng.normal(size=(classes, each, dim))).reshape(-1, dim)
    return Cohort(vectors, np.repeat(np.arange(classes), each))


def gallery_of(n: int, seed: int, dim: int = 32) -> Floats:
    return unit(np.random.default_rng(seed).normal(size=(n, dim)))


def related(
    origins: int, classes: int, each: int, seed: int, kinship: float, dim: int = 32
) -> tuple[Floats, np.ndarray]:
    """Items [classes * each, dim] of classes that share origins, and the class of each."""
    rng = np.random.default_rng(seed)
    origin = rng.normal(size=(origins, dim)) * kinship
    centers = origin[np.arange(classes) % origins] + rng.normal(size=(classes, dim))
    items = centers[:, None] + 0.5 * rng.normal(size=(classes, each, dim))
    return unit(items).reshape(-1, dim), np.repeat(np.arange(classes), each)


def stranger_draws(cohort: Cohort, prototypes: np.ndarray) -> np.ndarray:
    """The best similarity of each cohort item to the enrolled, kin left aside."""
    return ImpostorScores.of(cohort, range(len(prototypes)), prototypes).best
