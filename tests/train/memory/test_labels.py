from __future__ import annotations

import pytest
import torch

from holotype.errors import DataError
from holotype.train.methods.memory.labels import Labels


def test_labels_are_drawn_without_repeating() -> None:
    one_hot = Labels(5).draw(200, 5)
    assert one_hot.shape == (200, 5, 1)
    assert torch.equal(one_hot.sort(1).values[..., 0], torch.arange(5).expand(200, -1))
    assert len({tuple(row) for row in one_hot[..., 0].tolist()}) > 60  # of 120 orders

    strings = Labels(5, 5).draw(50, 15)
    assert strings.shape == (50, 15, 5)
    assert all(len({tuple(label) for label in task}) == 15 for task in strings.tolist())
    assert torch.equal(strings.unique(), torch.arange(5))
    again = [Labels(5, 5).draw(2, 15, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*again)


def test_encoding() -> None:
    encoded = Labels(3, 2).encode(torch.tensor([[2, 0]]))
    assert torch.equal(encoded, torch.tensor([[0.0, 0, 1, 1, 0, 0]]))


def test_what_the_declared_width_does_not_hold_is_refused() -> None:
    with pytest.raises(DataError, match="n_way=6 needs 6 labels; 1 letters of an alphabet of 5"):
        Labels(5).draw(1, 6)
    for letter in (-1, 5):
        with pytest.raises(DataError, match=r"outside the alphabet 0\.\.4"):
            Labels(5).encode(torch.tensor([[letter]]))
    with pytest.raises(DataError, match="a label of 2 letters; labels here have 1"):
        Labels(5).encode(torch.tensor([[0, 0]]))
