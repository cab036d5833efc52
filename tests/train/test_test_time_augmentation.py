from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from toys import build, toy_batch

from holotype.train.test_time_augmentation import NARROW, View, ViewAverage


class Flat(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return F.normalize(images.flatten(1), dim=1)


def test_views_are_the_affine_changes_that_they_name() -> None:
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 1  # the center stays
    image[0, 0, 0, 4] = 0.5  # the top goes to the side with a quarter turn
    quarter = ViewAverage(Flat(), 9, [View(rotation_degrees=90)])
    expected = F.normalize(Flat()(image) + Flat()(image.rot90(1, (2, 3))), dim=1)
    torch.testing.assert_close(quarter(image), expected, atol=1e-5, rtol=0)


def test_identical_views_change_nothing() -> None:
    embedder = build("prototypical").embedder().eval()
    images = toy_batch(0).images()
    averaged = ViewAverage(embedder, 16, [View(), View()]).eval()
    torch.testing.assert_close(averaged(images), embedder(images), atol=1e-5, rtol=0)


def test_the_average_is_a_unit_vector_of_each_picture_alone() -> None:
    averaged = ViewAverage(build("prototypical").embedder(), 16, NARROW).eval()
    images = toy_batch(0).images()
    vectors = averaged(images)
    assert vectors.shape == (len(images), 8)
    assert vectors.norm(dim=1).tolist() == pytest.approx([1.0] * len(images), abs=1e-5)
    torch.testing.assert_close(averaged(images[3:4]), vectors[3:4], atol=1e-5, rtol=0)


def test_views_lie_on_both_sides() -> None:
    assert [view.rotation_degrees for view in NARROW if view.rotation_degrees] == [6.0, -6.0]
    assert [view.shear for view in NARROW if view.shear] == [0.12, -0.12]
    assert [view.scale for view in NARROW if view.scale != 1] == [1.08, 0.93]
    shrunk = torch.tensor(View(scale=1.08).theta())
    torch.testing.assert_close(shrunk, torch.tensor([[1.08, 0, 0], [0, 1.08, 0]]))
