from __future__ import annotations

import numpy as np
import pytest

from holotype.stats.scoring import unit
from holotype.stats.temperature import inverse_temperature


def cohort(noise: float, classes: int = 12, examples: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(classes, 1, 16))
    vectors = centers + noise * rng.normal(size=(classes, examples, 16))
    return unit(vectors.reshape(-1, 16)), np.repeat(np.arange(classes), examples)


def test_the_clearer_the_classes_the_sharper_the_claim() -> None:
    blurred, middling, clear = (
        inverse_temperature(*cohort(noise), 5, 1) for noise in (20.0, 1.0, 0.05)
    )
    assert blurred < 3
    assert blurred < middling < clear


def test_its_probabilities_come_true() -> None:
    vectors, index = cohort(1.0, classes=200)
    half = index < 100
    factor = inverse_temperature(vectors[half], index[half], 10, 1)
    rng = np.random.default_rng(1)
    claimed, right = [], []
    others = vectors[~half].reshape(100, 6, 16)
    for _ in range(200):
        classes = rng.choice(100, 10, replace=False)
        support, query = others[classes, 0], others[classes, 1]
        logits = factor * query @ support.T
        proba = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        claimed.append(proba.max(1))
        right.append(proba.argmax(1) == np.arange(10))
    assert np.mean(claimed) == pytest.approx(np.mean(right), abs=0.05)


@pytest.mark.parametrize(("n_way", "k_shot"), [(100, 1), (5, 50)])
def test_a_small_cohort_gives_what_it_has(n_way: int, k_shot: int) -> None:
    assert 1 <= inverse_temperature(*cohort(1.0), n_way, k_shot) <= 200


def test_without_pairs_the_least_is_claimed() -> None:
    assert inverse_temperature(*cohort(1.0, examples=1), 5, 1) == 1
