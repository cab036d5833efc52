from __future__ import annotations

import numpy as np
import torch

from holotype.stats.whitening import fit_whitening, principal_axes
from holotype.train.whitening_layer import Whitening


def shop(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Things told apart by coordinates 0 to 3; 4 to 7 vary wildly; 8 tells the source."""
    center = rng.normal(size=(count, 4))
    index = np.repeat(np.arange(count), 12)
    noise = rng.normal(scale=4.0, size=(len(index), 4))
    photographs = np.hstack([center[index], noise, np.zeros((len(index), 1))])
    photographs += rng.normal(scale=0.1, size=photographs.shape)
    references = np.hstack([center, rng.normal(scale=4.0, size=(count, 4)), np.full((count, 1), 9)])
    return photographs, index, references


def right(photographs: np.ndarray, index: np.ndarray, references: np.ndarray) -> float:
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (photographs, references))
    return float(((x @ y.T).argmax(1) == index).mean())


def test_things_that_were_not_seen_are_told_by_what_tells_the_seen() -> None:
    rng = np.random.default_rng(0)
    mean, matrix = fit_whitening(*shop(rng, 30), shrinkage=0.01)
    photographs, index, references = shop(rng, 10)
    before = right(photographs, index, references)
    after = right((photographs - mean) @ matrix, index, (references - mean) @ matrix)
    assert before < 0.4
    assert after > 0.8


def test_the_spread_inside_classes_becomes_even_and_the_source_leaves_no_trace() -> None:
    rng = np.random.default_rng(1)
    photographs, index, references = shop(rng, 40)
    mean, matrix = fit_whitening(photographs, index, references, shrinkage=1e-6)
    seen = (photographs - mean) @ matrix
    middle = np.stack([seen[index == c].mean(0) for c in range(40)])
    inside = seen - middle[index]
    covariance = inside.T @ inside / len(inside)
    variance = np.linalg.eigvalsh(covariance)
    np.testing.assert_allclose(variance[1:], 1, rtol=0.01)
    assert variance[0] < 1e-6  # the direction that is taken out
    of_references = (references - mean) @ matrix
    np.testing.assert_allclose(of_references.mean(0), middle.mean(0), atol=1e-6)


def test_without_references_no_direction_is_taken_out() -> None:
    photographs, index, _ = shop(np.random.default_rng(5), 40)
    photographs[:, 8] = np.random.default_rng(6).normal(size=len(index))
    mean, matrix = fit_whitening(photographs, index, shrinkage=1e-6)
    seen = (photographs - mean) @ matrix
    inside = seen - np.stack([seen[index == c].mean(0) for c in range(40)])[index]
    np.testing.assert_allclose(inside.T @ inside / len(inside), np.eye(9), atol=1e-3)
    np.testing.assert_allclose(mean, photographs.mean(0))  # the classes are of one size


def test_a_class_counts_the_same_however_many_photographs_it_has() -> None:
    photographs, index, references = shop(np.random.default_rng(2), 12)
    again = np.concatenate([np.arange(len(index)), np.repeat(np.flatnonzero(index == 3), 5)])
    for one, other in zip(
        fit_whitening(photographs, index, references, shrinkage=1.0),
        fit_whitening(photographs[again], index[again], references, shrinkage=1.0),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-8)


def test_axes_are_those_of_most_variation() -> None:
    photographs, index, _ = shop(np.random.default_rng(4), 20)
    mean, axes = principal_axes(photographs, index, 4)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-9)
    assert (np.abs(axes[4:8]).max(1) > 0.3).all()  # where `shop` is wild
    np.testing.assert_allclose(mean, photographs.mean(0))  # the classes are of one size


def test_the_module_is_the_map() -> None:
    rng = np.random.default_rng(3)
    mean, matrix, x = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=(4, 5))
    answer = Whitening(mean, matrix)(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(answer, (x - mean) @ matrix, atol=1e-5)
