"""scoring: each formula against a number worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.evaluation.accuracy import prototype_scores
from holotype.records import Episode
from holotype.stats import scoring


def test_unit_vectors_have_length_one_and_zero_stays_zero() -> None:
    result = scoring.unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(result, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
    assert result.dtype == np.float32


def test_a_prototype_is_the_renormalized_mean() -> None:
    support = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # one class, two examples
    np.testing.assert_allclose(scoring.prototypes(support), [[0.5**0.5, 0.5**0.5]], rtol=1e-6)


def test_group_prototypes_agree_with_a_plain_loop_in_any_order() -> None:
    rng = np.random.default_rng(0)
    owner = rng.permutation(np.repeat(np.arange(7), [1, 2, 3, 1, 5, 2, 1]))
    vectors = scoring.unit(rng.normal(size=(len(owner), 5)))
    expected = [scoring.unit(vectors[owner == i].sum(0)) for i in range(7)]
    np.testing.assert_allclose(scoring.group_prototypes(vectors, owner, 7), expected, atol=1e-6)


def test_prototype_scores_by_hand() -> None:
    support = np.array([[[2.0, 0.0]], [[0.0, 3.0]]])  # lengths must not matter
    query = np.array([[3.0, 4.0]])
    np.testing.assert_allclose(prototype_scores(Episode(support, query)), [[0.6, 0.8]], rtol=1e-6)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 12))
@settings(deadline=None)
def test_top_k_is_a_stable_sort_of_everything(values: list[int], k: int) -> None:
    similarity = np.array(values, dtype=np.float32)
    expected = np.argsort(-similarity, kind="stable")[:k]
    np.testing.assert_array_equal(scoring.top_k(similarity, k), expected)


@pytest.mark.parametrize("n_way", [2, 5])
def test_permuting_the_classes_permutes_the_scores(n_way: int) -> None:
    rng = np.random.default_rng(1)
    support, query = rng.normal(size=(n_way, 3, 4)), rng.normal(size=(6, 4))
    order = rng.permutation(n_way)
    np.testing.assert_allclose(
        prototype_scores(Episode(support[order], query)),
        prototype_scores(Episode(support, query))[:, order],
    )
