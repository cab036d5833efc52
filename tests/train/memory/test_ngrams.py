from __future__ import annotations

import numpy as np
import pytest
import torch

from holotype.train.methods.memory.ngrams import BUCKETS, NgramEmbedding, hashed, ngrams, rarity


def test_the_ngrams_of_two_words() -> None:
    assert ngrams("Hi, you!") == {
        *("w hi", "w you", "p hi you"),
        *("c hi", "chi ", "c hi "),  # 3, 3 and 4 characters of " hi "
        *("c yo", "cyou", "cou ", "c you", "cyou ", "c you "),
    }


@pytest.mark.parametrize("text", ["", "  ", "?!"])
def test_a_text_without_words_has_no_ngrams(text: str) -> None:
    assert ngrams(text) == set()
    assert hashed([text]).tolist() == [[0]]


def test_buckets_are_distinct_ascending_and_the_same_everywhere() -> None:
    rows = hashed(["my card is lost", "lost"])
    for row in rows:
        filled = row[row > 0]
        assert (np.diff(filled) > 0).all()
        assert not row[len(filled) :].any()
        assert row.max() < BUCKETS
    assert set(rows[1][rows[1] > 0]) <= set(rows[0])
    # crc32 of "w lost" is 0x725e868; the hash of Python itself changes with every process.
    assert 1 + 0x725E868 % (BUCKETS - 1) in rows[1]


def test_rarity_by_hand() -> None:
    # 3 texts; bucket 5 is in all, bucket 7 in one, bucket 9 in none.
    weights = rarity(np.array([[5, 7], [5, 0], [5, 0]]))
    assert weights[[0, 5, 7, 9]].tolist() == pytest.approx(
        [0, 1, 1 + np.log(2), 1 + np.log(4)], rel=1e-6
    )


def test_the_embedding_is_the_weighted_sum() -> None:
    embedding = NgramEmbedding(np.array([0, 1, 3], dtype=np.float32), dim=4)
    vectors = embedding.vectors.weight
    both = embedding(torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0]]))
    torch.testing.assert_close(both[0], vectors[1] + 3 * vectors[2])
    assert not both[1].any()
    torch.testing.assert_close(both[:1], embedding(torch.tensor([[1, 2]])))


def test_untrained_inner_products_are_those_of_tfidf() -> None:
    buckets = hashed(["where is my card", "where is my new card", "play some music"])
    weights = rarity(buckets)
    used, column = np.unique(np.append(buckets, 0), return_inverse=True)  # the padding stays 0
    column = column[:-1].reshape(buckets.shape)
    bags = np.zeros((3, len(used)))
    np.put_along_axis(bags, column, weights[buckets], axis=1)
    torch.manual_seed(0)
    with torch.no_grad():
        vectors = NgramEmbedding(weights[used], dim=4096)(torch.from_numpy(column)).numpy()
    exact = bags @ bags.T
    np.testing.assert_allclose(vectors @ vectors.T, exact, atol=0.05 * exact.max())


def test_training_moves_only_the_ngrams_that_it_sees() -> None:
    embedding = NgramEmbedding(np.ones(9, dtype=np.float32), dim=4)
    before = embedding.vectors.weight.detach().clone()
    optimizer = torch.optim.AdamW(embedding.parameters(), lr=0.1, weight_decay=0)
    embedding(torch.tensor([[5, 7, 0]])).square().sum().backward()
    optimizer.step()
    moved = (embedding.vectors.weight != before).any(1)
    assert moved.nonzero().flatten().tolist() == [5, 7]
