from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of, gallery_of
from holotype.openset import Novelty
from holotype.stats.scoring import unit

BACKGROUND = gallery_of(300, seed=0)
AXIS = np.eye(32, dtype=np.float32)[0]


def towards(axis: np.ndarray, n: int, seed: int) -> np.ndarray:
    return unit(gallery_of(n, seed) + 0.5 * axis)


def test_what_is_drawn_like_the_cohort_has_uniform_p_values() -> None:
    familiarity = Novelty(BACKGROUND, cohort_of(100, 20, seed=1))
    p = familiarity.p_value(cohort_of(100, 20, seed=2).embeddings)
    assert p.dtype == np.float64
    assert p.min() > 0
    assert p.max() <= 1
    for level in (0.02, 0.1, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=0.25 * level + 0.01)


def test_what_lies_elsewhere_is_unfamiliar() -> None:
    background = towards(AXIS, 300, seed=0)
    cohort = cohort_of(50, 20, seed=1)
    cohort = type(cohort)(towards(AXIS, 1000, seed=2), cohort.class_index)
    elsewhere = towards(-AXIS, 200, seed=3)
    p = Novelty(background, cohort).p_value(elsewhere)
    assert np.median(p) < 0.05
    assert p.min() == pytest.approx(1 / 1001)


def test_a_background_of_one_prototype_is_enough() -> None:
    p = Novelty(BACKGROUND[:1], cohort_of(10, 2, seed=1)).p_value(BACKGROUND[:3])
    assert p[0] == 1
    assert p.shape == (3,)
