from __future__ import annotations

import numpy as np
import pytest
import torch

from holotype.errors import DataError, TrainingError
from holotype.records import Episode
from holotype.train.batches import collate


def episode(dtype: type = np.uint8, channel: bool = False) -> Episode:
    shape = (1, 2, 2) if channel else (2, 2)
    support = np.full((3, 2, *shape), 255).astype(dtype)
    query = np.zeros((4, *shape), dtype=dtype)
    return Episode(support, query, np.array([0, 1, 2, 1]), np.array([7, 8, 9]))


def test_bytes_become_unit_range_with_a_channel() -> None:
    batch = collate([episode(), episode()])
    assert batch.support.shape == (2, 3, 2, 1, 2, 2)
    assert batch.query.shape == (2, 4, 1, 2, 2)
    assert batch.support.dtype == torch.float32
    assert batch.support.min() == 1.0
    assert batch.targets().dtype == torch.int64


def test_floats_stay_as_they_are() -> None:
    batch = collate([episode(np.float64, channel=True)])
    assert batch.support.max() == 255
    assert batch.support.dtype == torch.float32


def test_ids_follow_the_pictures() -> None:
    batch = collate([episode()])
    assert batch.images().shape == (10, 1, 2, 2)
    assert batch.image_ids().tolist() == [7, 7, 8, 8, 9, 9, 7, 8, 9, 8]


def test_a_batch_may_be_all_support() -> None:
    one = episode()
    batch = collate([Episode(one.support, one.query[:0], one.query_class[:0], one.class_id)])
    assert batch.images().shape == (6, 1, 2, 2)
    assert batch.image_ids().tolist() == [7, 7, 8, 8, 9, 9]


def test_what_is_withheld_is_asked_for() -> None:
    batch = collate([episode().unlabeled()])
    with pytest.raises(TrainingError, match="query_class is absent"):
        batch.targets()
    with pytest.raises(TrainingError, match="class_id is absent"):
        batch.image_ids()


def test_episodes_of_different_shapes_are_refused() -> None:
    one = episode()
    other = Episode(one.support[:, :1], one.query, one.query_class, one.class_id)
    with pytest.raises(DataError, match="2 episodes have 2"):
        collate([one, other])
    with pytest.raises(DataError, match="0 episodes have 0"):
        collate([])
