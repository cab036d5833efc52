"""Pixels, HOG, the modified Hausdorff distance, and a network trained on the support alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from toys import SIZE_PX, build, conv, toy_batch, toy_episode

from holotype.errors import TrainingError
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.metric.hausdorff import ModifiedHausdorff, distances, ink_points
from holotype.train.methods.metric.hog import Hog
from holotype.train.methods.metric.pixels import Pixels
from holotype.train.methods.metric.scratch import FromScratch
from holotype.train.settings import TrainingSettings
from holotype.train.training import train


def test_pixels_by_hand() -> None:
    # Unit rows (0.6, 0.8) and (1, 0) have the mean direction (1.6, 0.8) / |..| = (2, 1) / sqrt(5).
    support = torch.tensor([[[3.0, 4.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 5.0]]])
    batch = EpisodeBatch(support[None, :, :, None, None], torch.tensor([[[[[7.0, 0.0]]]]]))
    expected = torch.tensor([[[2 / math.sqrt(5), 0.0]]])
    torch.testing.assert_close(Pixels().scores(batch), expected)


def test_hog_is_that_of_scikit_image() -> None:
    # From scikit-image 0.26: hog(picture, orientations=9, pixels_per_cell=(4, 4),
    # cells_per_block=(2, 2), block_norm="L2-Hys", feature_vector=False).
    y, x = np.mgrid[0:16, 0:16]
    picture = ((3 * x + 5 * y + x * y) % 17) / 16
    found = Hog(4)(torch.tensor(picture, dtype=torch.float32)[None, None]).numpy()
    blocks = found.reshape(2, 2, 9, 3, 3)  # row and column in the block, bin, block
    first = [0.272793, 0.181044, 0.272793, 0, 0.272793, 0, 0, 0, 0.13808]
    np.testing.assert_allclose(blocks[0, 0, :, 0, 0], first, atol=1e-6)
    by_bin = [0.235561, 0.289456, 0.289456, 0.289456, 0.289456, 0.289456, 0, 0.04456]
    inner = blocks[:, :, :, 2, 1].transpose(2, 0, 1).ravel()
    np.testing.assert_allclose(inner[:8], by_bin, atol=1e-6)
    assert found.sum() == pytest.approx(39.66790703826617, rel=1e-6)
    assert (found.astype(float) ** 3).sum() == pytest.approx(2.2283328908514113, rel=1e-6)


def test_hog_sees_directions_and_not_their_sign() -> None:
    ramp = torch.linspace(0, 1, SIZE_PX).expand(1, 1, SIZE_PX, SIZE_PX)
    hog = Hog(4)
    torch.testing.assert_close(hog(ramp), hog(1 - ramp))
    filled = hog(ramp).view(2, 2, 9, -1).amax((0, 1, 3)) > 0
    assert filled.tolist() == [True] + [False] * 8  # at 0 degrees alone
    # Turned by 90 degrees the gradient runs along the columns: the fifth bin, 80 to 100 degrees.
    filled = hog(ramp.transpose(2, 3)).view(2, 2, 9, -1).amax((0, 1, 3)) > 0
    assert filled.tolist() == [False] * 4 + [True] + [False] * 4


def picture(*ink: tuple[int, int]) -> torch.Tensor:
    result = torch.zeros(1, 8, 8)
    for row, column in ink:
        result[0, row, column] = 1.0
    return result


def test_the_modified_hausdorff_distance_by_hand() -> None:
    # A = {0, 2}, B = {0, 5} on a line. A to B: 0 and 2, mean 1; B to A: 0 and 3, mean 1.5.
    a, b = (torch.tensor([[0.0, 0.0], [0.0, end]]) for end in (2.0, 5.0))
    padded = torch.cat([b, torch.zeros(3, 2)])
    assert distances(a, padded[None], torch.tensor([2])).tolist() == [1.5]
    assert distances(b, a[None], torch.tensor([2])).tolist() == [1.5]
    # The plain Hausdorff distance would be 3; a third point at 0 tempers it further: B to A 1.
    a_c = torch.cat([b, torch.zeros(1, 2)])
    assert distances(a, a_c[None], torch.tensor([3])).tolist() == [1.0]


def test_ink_is_laid_on_its_center_of_mass() -> None:
    points = ink_points(picture((1, 1), (1, 3)))
    assert points.tolist() == [[0.0, -1.0], [0.0, 1.0]]
    here, there = (picture((y, 1), (y, 3), (y + 1, 2))[None] for y in (1, 5))
    other = picture((1, 1), (3, 1), (5, 1))[None]
    batch = EpisodeBatch(torch.stack([there, other])[None], here[None])
    scores = ModifiedHausdorff().scores(batch)
    assert float(scores[0, 0, 0]) == pytest.approx(0, abs=1e-6)
    assert scores[0, 0, 1] < -0.5


def test_a_class_answers_with_its_nearest_example() -> None:
    batch = toy_batch(0, tasks=1, k_shot=3)
    method = ModifiedHausdorff()
    alone = [
        method.scores(EpisodeBatch(batch.support[:, :, i : i + 1], batch.query)) for i in range(3)
    ]
    torch.testing.assert_close(method.scores(batch), torch.stack(alone).amax(0))


@pytest.mark.parametrize("name", ["pixels", "hog", "hausdorff", "from-scratch"])
def test_blank_pictures_have_an_answer(name: str) -> None:
    batch = toy_batch(0)
    batch.support[:, 0] = 0
    batch.query[:, 0] = 0
    assert build(name).scores(batch).isfinite().all()


def test_from_scratch_is_gradient_descent_on_the_support() -> None:
    episode = toy_episode(0, n_way=3, k_shot=2)
    support = torch.tensor(episode.support)
    network = FromScratch(lambda size_px: conv(), steps=3).fit(support)
    torch.manual_seed(0)
    backbone = conv()
    head = torch.nn.Linear(8, 3)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    parameters = [*backbone.parameters(), *head.parameters()]
    velocity = [torch.zeros_like(parameter) for parameter in parameters]
    target = torch.tensor([0, 0, 1, 1, 2, 2])
    for _ in range(3):
        logits = head(backbone(support.flatten(0, 1)))
        loss = -logits.log_softmax(1)[torch.arange(6), target].mean()
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, v, gradient in zip(parameters, velocity, gradients, strict=True):
                v.mul_(0.9).add_(gradient)
                parameter.sub_(0.05 * v)
    for found, expected in zip(network.parameters(), parameters, strict=True):
        torch.testing.assert_close(found, expected)


def test_asking_leaves_the_random_numbers_of_others_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build("from-scratch").scores(toy_batch(0))
    assert torch.equal(torch.rand(3), expected)


def test_it_learns_where_torch_records_no_gradients() -> None:
    batch, method = toy_batch(0), build("from-scratch")
    with torch.inference_mode():
        inside = method.scores(toy_batch(0))
    torch.testing.assert_close(inside, method.scores(batch), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["pixels", "from-scratch"])
def test_there_is_nothing_to_train_in_advance(name: str, tmp_path: object) -> None:
    settings = TrainingSettings(1, learning_rate=0.1)
    with pytest.raises(TrainingError, match="has nothing to train"):
        train(build(name), toy_batch, settings, tmp_path / "run")
