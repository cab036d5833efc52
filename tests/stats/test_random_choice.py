from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import DataError
from holotype.stats.random_choice import below, choose, stream, words


def test_the_words_are_those_of_philox_and_stay() -> None:
    # The known answer for counter 0 and key 0 from the authors of Philox (Random123, kat_vectors,
    # philox4x64 10); numpy counts up before each block.
    before_zero = np.random.Philox(key=0, counter=2**256 - 1)
    assert [hex(word) for word in words(before_zero, 1, 4)[0].tolist()] == [
        "0x16554d9eca36314c",
        "0xdb20fe9d672d0fdc",
        "0xd7e772cee186176b",
        "0x7e68b68aec7ba23b",
    ]
    assert [hex(word) for word in words(stream(7), 1, 2)[0].tolist()] == [
        "0xdf4034b829e9fba4",
        "0x4b9d10cdf8e64087",
    ]


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_outside_its_range_is_refused(seed: int) -> None:
    with pytest.raises(DataError, match="outside 0"):
        stream(seed)


def test_below_covers_its_range() -> None:
    extremes = np.array([0, 2**64 - 1, 2**63], np.uint64)
    np.testing.assert_array_equal(below(extremes, 10), [0, 9, 5])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**64 - 1), st.lists(st.integers(3, 9), min_size=1, max_size=5))
def test_choices_are_distinct_and_in_range(seed: int, sizes: list[int]) -> None:
    size = np.array(sizes)
    chosen = choose(words(stream(seed), len(sizes), 3), size)
    assert chosen.shape == (len(sizes), 3)
    assert all(len(set(row)) == 3 for row in chosen.tolist())
    assert (chosen >= 0).all()
    assert (chosen < size[:, None]).all()


def test_every_ordered_choice_is_equally_likely() -> None:
    count = 24_000
    chosen = choose(words(stream(1), count, 2), np.full(count, 4))
    seen = np.bincount(chosen[:, 0] * 4 + chosen[:, 1], minlength=16).reshape(4, 4)
    assert (np.diag(seen) == 0).all()
    off = seen[~np.eye(4, dtype=bool)]
    # Chi-squared with 11 degrees of freedom: 31.3 is passed once in a thousand seeds.
    assert ((off - count / 12) ** 2 / (count / 12)).sum() < 31.3
