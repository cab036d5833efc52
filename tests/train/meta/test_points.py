from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from holotype.errors import DataError, TrainingError
from holotype.train.methods.meta import point_recipes
from holotype.train.methods.meta.networks import Perceptron
from holotype.train.methods.meta.neural_process import ConditionalNeuralProcess
from holotype.train.methods.meta.pen_strokes import MOMENTS, load_strokes, stroke_tasks
from holotype.train.methods.meta.points import PointLearner, PointTasks
from holotype.train.methods.meta.regression import RegressionMAML, RegressionMetaSGD
from holotype.train.methods.meta.sinusoid import sinusoids
from holotype.train.pipeline import train_run
from holotype.train.settings import TrainingSettings
from holotype.train.training import train

BUILDS: dict[str, Callable[[], PointLearner]] = {
    "maml": lambda: RegressionMAML(Perceptron(), rate=0.01),
    "meta-sgd": lambda: RegressionMetaSGD(Perceptron(), rate=0.02),
    "cnp": lambda: ConditionalNeuralProcess(width=64),
}


@pytest.fixture(params=BUILDS)
def learner(request: pytest.FixtureRequest) -> PointLearner:
    torch.manual_seed(0)
    return BUILDS[request.param]()


def test_answers_are_shaped_and_do_not_read_what_is_asked_for(learner: PointLearner) -> None:
    tasks = sinusoids(0, 4, 5, 7)
    with torch.inference_mode():
        mean, deviation = learner.predict(tasks)
        blind, _ = learner.predict(replace(tasks, query_y=None))
    assert mean.shape == (4, 7, 1)
    assert deviation is None or (deviation.shape == mean.shape and bool((deviation > 0).all()))
    assert torch.equal(mean, blind)


def test_the_order_of_the_points_does_not_matter(learner: PointLearner) -> None:
    tasks = sinusoids(1, 3, 6, 4)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    turned = replace(tasks, x=tasks.x[:, order], y=tasks.y[:, order])
    torch.testing.assert_close(learner.predict(turned)[0], learner.predict(tasks)[0])


@pytest.mark.slow
def test_a_short_training_helps(learner: PointLearner, tmp_path: Path) -> None:
    settings = TrainingSettings(300, learning_rate=3e-3, schedule="constant")
    held_back = sinusoids(10**6, 100, 10, 20)
    before = float(learner.squared_error(held_back).mean().detach())
    train(learner, lambda step: sinusoids(step, 50, 10, 10), settings, tmp_path / "run")
    assert float(learner.squared_error(held_back).mean().detach()) < 0.8 * before


def test_adapting_is_one_step_of_plain_descent() -> None:
    torch.manual_seed(0)
    learner, tasks = BUILDS["maml"](), sinusoids(2, 1, 5, 6)
    net = torch.nn.Sequential(*(torch.nn.Linear(a, b) for a, b in ((1, 40), (40, 40), (40, 1))))
    for plain, ours in zip(net, learner.network.layers, strict=True):
        plain.load_state_dict(ours.state_dict())

    def at(x: torch.Tensor) -> torch.Tensor:
        return net[2](net[1](net[0](x).relu()).relu())

    (at(tasks.x[0]) - tasks.y[0]).square().mean().backward()
    torch.optim.SGD(net.parameters(), lr=0.01).step()
    torch.testing.assert_close(learner.predict(tasks)[0][0], at(tasks.query_x[0]).detach())


def test_the_likelihood_of_a_neural_process_is_that_of_the_normal() -> None:
    learner, tasks = BUILDS["cnp"](), sinusoids(3, 2, 5, 6)
    mean, deviation = learner.predict(tasks)
    normal = torch.distributions.Normal(mean, deviation)
    expected = -normal.log_prob(tasks.targets()).mean()
    torch.testing.assert_close(learner.loss(tasks), expected)


def test_sine_waves_are_sine_waves() -> None:
    tasks = sinusoids(0, 4000, 5, 20)
    points = torch.cat([tasks.query_x, tasks.x], 1)
    values = torch.cat([tasks.targets(), tasks.y], 1)
    # y = a cos(p) sin(x) - a sin(p) cos(x): two numbers explain each wave.
    basis = torch.cat([points.sin(), -points.cos()], 2)
    found = torch.linalg.lstsq(basis, values).solution[..., 0]
    torch.testing.assert_close(basis @ found[..., None], values, atol=1e-3, rtol=1e-3)
    amplitude, phase = found.norm(dim=1), torch.atan2(found[:, 1], found[:, 0])
    assert float(amplitude.min()) >= 0.1
    assert float(amplitude.max()) <= 5.001
    assert float(amplitude.mean()) == pytest.approx(2.55, abs=0.1)
    assert float(phase.min()) >= -1e-3
    assert float(phase.max()) <= math.pi + 1e-3
    assert float(points.abs().max()) <= 5
    assert torch.equal(tasks.x, sinusoids(0, 4000, 5, 20).x)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(2, 0, 1), torch.zeros(2, 0, 1), "2 tasks of 0 points"),
        (torch.zeros(2, 3, 1), torch.zeros(2, 4, 1), "not those of tasks"),
        (torch.zeros(2, 3), torch.zeros(2, 3), "not those of tasks"),
        (torch.zeros(2, 3, 1), torch.full((2, 3, 1), math.nan), "y holds 6 values"),
    ],
)
def test_what_is_no_batch_of_tasks_is_refused(
    x: torch.Tensor, y: torch.Tensor, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        PointTasks(x, y, torch.zeros(2, 5, 1))


def test_recipes_are_trained_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = point_recipes.RECIPES["maml"]["sinusoid-5"]
    short = replace(recipe, settings=replace(recipe.settings, steps=3), tasks=4)
    from holotype.train.recipes import RECIPES

    monkeypatch.setitem(RECIPES["maml"], "sinusoid-5", short)
    history = train_run("maml", "sinusoid", tmp_path / "run", recipe="sinusoid-5")
    assert history.step == 3
    assert len(history.validation) == 1
    with pytest.raises(DataError, match="sine waves, not 'omniglot'"):
        train_run("maml", "omniglot", tmp_path / "other", recipe="sinusoid-5")


@pytest.mark.data
def test_strokes_begin_at_the_origin_and_leave_it() -> None:
    strokes = load_strokes("selection")
    assert strokes.shape[1:] == (MOMENTS, 2)
    assert not strokes[:, 0].any()
    assert np.abs(strokes).max() < 1.2  # sides of a drawing
    tasks = stroke_tasks(strokes, 0, 6, 5)
    assert tasks.x.shape == (6, 5, 1)
    assert tasks.query_x.shape == (6, MOMENTS - 5, 1)
    following = stroke_tasks(strokes, 0, 6, 5, following=True)
    assert bool((following.x.max(1).values < following.query_x.min(1).values).all())
    with pytest.raises(DataError, match="no split 'test'"):
        load_strokes("test")


def test_a_missing_archive_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLOTYPE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="brendenlake/omniglot"):
        load_strokes("training")


def test_a_learner_of_another_kind_has_another_checkpoint(tmp_path: Path) -> None:
    settings = TrainingSettings(2, learning_rate=1e-3, checkpoint_every=1)
    tasks = [sinusoids(step, 2, 3, 3) for step in range(2)]
    train(BUILDS["maml"](), tasks.__getitem__, settings, tmp_path / "run")
    with pytest.raises(TrainingError, match="does not fit this learner"):
        train(BUILDS["cnp"](), tasks.__getitem__, settings, tmp_path / "run", resume=True)
